import { sequencerAt } from "../identity-time";
import type { ArrivalRequest } from "../object-ref";

/** A version of an object whose event never came, or came before the lake was there. */
export interface FoundObject {
  bucket: string;
  key: string;
  /** Bytes. */
  size: number;
  /** Without quotes. */
  etag: string;
  versionId?: string | undefined;
  lastModified: Date;
  /** Sequencer of the latest version of the key that the lake knows. */
  after?: string | undefined;
  /** Of a version that the lake knows: it keeps the sequencer that it was registered with. */
  sequencer?: string | undefined;
}

/** An "Object Created" event of an object that was found in its bucket, as a message for the arrivals queue. */
export function createdEvent(found: FoundObject, request: Omit<ArrivalRequest, "lastModified">): string {
  const { bucket, key, size, etag, versionId, lastModified, after } = found;
  const time = lastModified.toISOString();
  return JSON.stringify({
    version: "0",
    id: "00000000-0000-0000-0000-000000000000",
    "detail-type": "Object Created",
    source: "aws.s3",
    account: "000000000000",
    time: time.replace(/\.\d+Z$/, "Z"),
    region: process.env.AWS_REGION ?? "",
    resources: [`arn:aws:s3:::${bucket}`],
    detail: {
      version: "0",
      bucket: { name: bucket },
      object: {
        ...{ key, size, etag, sequencer: found.sequencer ?? sequencerAt(lastModified, after) },
        ...(versionId !== undefined && { "version-id": versionId }),
      },
      tributary: { ...request, lastModified: time },
    },
  });
}
