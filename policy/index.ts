import { PolicyPack, type ResourceValidationPolicy, type StackValidationPolicy } from "@pulumi/policy";
import { openBuckets, rules } from "./rules";

/** Looks at each resource of a stack. */
const single = rules.map(({ name, description, level, judge }): ResourceValidationPolicy => ({
  name,
  description,
  enforcementLevel: level,
  validateResource: ({ type, name: resource, props }, report) => {
    for (const problem of judge({ type, name: resource, props })) report(problem);
  },
}));

/** Looks at all of them together. */
const together: StackValidationPolicy = {
  name: "bucket-has-block",
  description: "Every bucket has a block of public access beside it.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }, report) => {
    for (const problem of openBuckets(resources)) report(problem);
  },
};

new PolicyPack("tributary", { policies: [...single, together] });
