declare module "asl-validator" {
  /** Checks a definition in Amazon States Language. */
  export default function validate(
    definition: object,
    options?: { checkArn?: boolean; checkPaths?: boolean },
  ): { isValid: boolean; errorsText: (separator?: string) => string };
}
