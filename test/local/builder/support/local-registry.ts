import { request } from "node:https";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { ecrLogins, RegistryLogins, type OwnRegistry } from "../../../../automation/builder";
import { silent } from "../../../../automation/events";
import { ensureLocalAws, localClientSettings, localHttpsAgent, type LocalAws } from "../../../../automation/local";

/** A manifest as the registry answers it. */
export interface Manifest {
  mediaType: string;
  config: { digest: string };
  layers: { digest: string; size: number }[];
}

/** The registry of a local AWS, with a repository `images`. */
export class LocalRegistry {
  private constructor(
    private readonly aws: LocalAws,
    private readonly client: ConstructorParameters<typeof ECRClient>[0] & object,
  ) {}

  static async start(root: string): Promise<LocalRegistry> {
    const aws = await ensureLocalAws(root, silent);
    const client = localClientSettings(aws, await localHttpsAgent(aws));
    await new ECRClient(client).send(new CreateRepositoryCommand({ repositoryName: "images" }));
    return new LocalRegistry(aws, client);
  }

  get address(): string {
    return `localhost:${this.aws.port}`;
  }

  get own(): OwnRegistry {
    return { address: this.address, caFile: this.aws.caFile };
  }

  image(tag: string): string {
    return `${this.address}/images:${tag}`;
  }

  logins(folder: string): Promise<RegistryLogins> {
    const { account, region } = this.aws;
    return RegistryLogins.open(
      folder,
      [ecrLogins({ account, region, address: this.address, client: this.client })],
      silent,
    );
  }

  /** The manifest of a tag or digest, asked for with every type that there is. */
  async manifest(reference: string): Promise<Manifest> {
    const types = ["oci.image.manifest.v1", "oci.image.index.v1", "docker.distribution.manifest.v2"];
    const accept = types.map((type) => `application/vnd.${type}+json`).join(",");
    return JSON.parse((await this.get(`manifests/${reference}`, accept)).toString()) as Manifest;
  }

  blob(digest: string): Promise<Buffer> {
    return this.get(`blobs/${digest}`, "*/*");
  }

  private async get(path: string, accept: string): Promise<Buffer> {
    const { username, password } = await ecrLogins({ ...this.aws, client: this.client }).fetch();
    const options = {
      agent: await localHttpsAgent(this.aws),
      headers: { accept, authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` },
    };
    return new Promise((resolve, reject) => {
      const call = request(`${this.aws.endpoint}/v2/images/${path}`, options, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          if (response.statusCode === 200) resolve(Buffer.concat(parts));
          else reject(new Unanswered(`${path}: ${response.statusCode} ${Buffer.concat(parts).toString()}`));
        });
      });
      call.on("error", reject);
      call.end();
    });
  }
}

/** The registry refused what a test asks for. */
class Unanswered extends Error {}
