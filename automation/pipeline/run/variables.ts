import { TributaryError } from "../../errors";

/** Values by namespace: `variables` of the pipeline, those of sources and what builds exported. */
export type Namespaces = Record<string, Record<string, string>>;

const reference = /#\{([^{}.\s]{1,100})\.([^{}\s]{1,128})\}/g;

/**
 * Puts values into a text of the pipeline, as CodePipeline does: `#{<namespace>.<name>}`.
 *
 * @param where whose text it is, for the message
 * @throws TributaryError `PipelineVariableUnknown`
 */
export function resolveText(text: string, namespaces: Namespaces, where: string): string {
  return text.replace(reference, (_, namespace: string, name: string) => {
    const value = lookUp(namespaces, namespace, name);
    if (value !== undefined) return value;
    const known = Object.entries(namespaces).flatMap(([space, values]) =>
      Object.keys(values).map((each) => `${space}.${each}`),
    );
    throw new TributaryError(
      `${where} uses #{${namespace}.${name}}, which no action before it has exported; there are: ${known.sort().join(", ") || "none"}`,
      {
        code: "PipelineVariableUnknown",
        source: "user",
        next: "correct the settings, or the stage that should export it",
      },
    );
  });
}

/** A value by its full name, e.g. `dev.BROADENS`; undefined where there is none. */
export function valueOf(namespaces: Namespaces, variable: string): string | undefined {
  const at = variable.indexOf(".");
  return lookUp(namespaces, variable.slice(0, at), variable.slice(at + 1));
}

function lookUp(namespaces: Namespaces, namespace: string, name: string): string | undefined {
  if (!Object.hasOwn(namespaces, namespace)) return undefined;
  const values = namespaces[namespace]!;
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
