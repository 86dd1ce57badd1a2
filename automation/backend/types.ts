/** A text in a store, and what is needed to replace exactly it. */
export interface Stored {
  text: string;
  /** Opaque; changes with every write. */
  version: string;
  /**
   * Milliseconds since it was written. Both times are the store's own: S3's `Date` and `Last-Modified`, or what the file
   * system writes on files. No clock of this machine takes part.
   */
  age(): Promise<number>;
}

/**
 * Small texts beside an environment's state, on a disk or in S3, with what two machines need to agree on something: writes
 * that succeed only if nobody else has written.
 *
 * Keys are `segment/segment/…` of letters, digits, `.`, `_`, `-`, `+`, `@`; a segment begins with a letter or digit. Texts of one key that are
 * written with a condition have to differ (an id in them is enough): that is how a write whose answer got lost is recognised.
 *
 * All methods throw TributaryError `BackendUnreachable` when the store does not answer as it should, `BackendKeyInvalid` for a
 * key of another form.
 */
export interface ObjectStore {
  /** Where it is, for messages: `s3://bucket/prefix/` or a folder. */
  readonly place: string;
  /** Writes a key that nobody has written; false when it is there already. */
  createOnly(key: string, text: string): Promise<boolean>;
  /** Writes a key only if it is still the given version; false when it is not. */
  replaceIf(key: string, text: string, version: string): Promise<boolean>;
  /**
   * The primitive of both: writes if the key is at `version`, or, with undefined, if it is not there.
   *
   * @returns the new version; undefined when the condition did not hold
   */
  swap(key: string, text: string, version: string | undefined): Promise<string | undefined>;
  /** Writes whatever is there. Not for keys that anybody writes with a condition. */
  put(key: string, text: string): Promise<void>;
  get(key: string): Promise<Stored | undefined>;
  /** All keys that begin with a prefix, in the order of their characters. */
  list(prefix: string): Promise<string[]>;
  /** Removes a key; one that is not there is no error. */
  delete(key: string): Promise<void>;
}

/** Where an environment's state is, and what lies beside it. */
export interface Backend {
  /**
   * `machine`: the state is where conditional writes are out of our reach (Pulumi Cloud, which guards its stacks itself, Azure,
   * Google), so the files are on this machine only.
   */
  kind: "disk" | "s3" | "machine";
  /** The backend for messages: without credentials. */
  place: string;
  /** Our own files: everything below `.tributary/` of the backend. */
  files: ObjectStore;
  /** The engine's own files: everything below `.pulumi/`. Undefined for `machine`. */
  engine: ObjectStore | undefined;
  /** Something that the person should know about this kind of backend. */
  warning?: string;
  /** Lets go of connections. */
  close(): void;
}
