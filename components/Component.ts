import * as pulumi from "@pulumi/pulumi";

/**
 * Changes one child of a component: either properties that win over the component's own, or a function that answers the
 * child's arguments. The last word before the child is created; documented for each component as `transform.<child>`.
 */
export type Transform<Args extends object> = Partial<Args> | ((args: Args) => Args);

/** The child's arguments after its transform. */
export function transformed<Args extends object>(transform: Transform<Args> | undefined, args: Args): Args {
  if (typeof transform === "function") return transform(args);
  return { ...args, ...transform };
}

/** Base of every component: the type token's form, the parent of its children, and `nodes`. */
export abstract class Component<Nodes extends object> extends pulumi.ComponentResource {
  /** The resources that this component made, by their role. */
  abstract readonly nodes: Nodes;

  /** @param type `<folder>:<Class>` */
  protected constructor(type: string, name: string, opts?: pulumi.ComponentResourceOptions) {
    super(`tributary:${type}`, name, {}, opts);
  }

  /** Options of a child. */
  protected child(options: pulumi.CustomResourceOptions = {}): pulumi.CustomResourceOptions {
    return { parent: this, ...options };
  }
}
