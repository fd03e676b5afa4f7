// Swap a face through an engine, in JavaScript: node swap.mjs PROTO_FOLDER CLIP FACES.zip OUT.mp4
// RECASTER_ENGINE and RECASTER_TOKEN say which engine; needs @grpc/grpc-js and @grpc/proto-loader.

import { createHash } from "node:crypto";
import { createWriteStream, readFileSync } from "node:fs";
import { basename } from "node:path";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [protos, clip, faces, out] = process.argv.slice(2);
const definition = loader.loadSync(
  ["blob", "faceset", "identity", "job"].map((name) => `${protos}/recaster/v1/${name}.proto`),
  { includeDirs: [protos], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true },
);
const { recaster } = grpc.loadPackageDefinition(definition);
const credentials = grpc.credentials.createInsecure();
const blobs = new recaster.v1.BlobService(process.env.RECASTER_ENGINE, credentials);
const facesets = new recaster.v1.FacesetService(process.env.RECASTER_ENGINE, credentials);
const identities = new recaster.v1.IdentityService(process.env.RECASTER_ENGINE, credentials);
const jobs = new recaster.v1.JobService(process.env.RECASTER_ENGINE, credentials);
const token = new grpc.Metadata();
token.set("authorization", `Bearer ${process.env.RECASTER_TOKEN}`);

const ask = (client, method, request) =>
  new Promise((resolve, reject) =>
    client[method](request, token, (error, answer) => (error ? reject(error) : resolve(answer))),
  );

async function upload(path) {
  const data = readFileSync(path);
  const digest = createHash("sha256").update(data).digest("hex");
  const { missing } = await ask(blobs, "FindMissingBlobs", { digests: [digest] });
  if (missing.length) {
    const begun = await ask(blobs, "StartUpload", { digest, size: data.length });
    await new Promise((resolve, reject) => {
      const stream = blobs.WriteUpload(token, (error, answer) => (error ? reject(error) : resolve(answer)));
      for (let offset = begun.committed; offset < data.length; offset += 1 << 20) {
        stream.write({ digest, offset, data: data.subarray(offset, offset + (1 << 20)) });
      }
      stream.end();
    });
  }
  return digest;
}

function ended(job_id) {
  return new Promise((resolve, reject) => {
    const events = jobs.WatchJob({ job_id, after_seq: 0 }, token);
    events.on("data", ({ progress }) => progress && console.log(progress.stage, progress.done));
    events.on("error", reject);
    events.on("end", () => resolve(ask(jobs, "GetJob", { job_id })));
  });
}

async function done(spec) {
  const job = await ended((await ask(jobs, "CreateJob", { spec })).job_id);
  if (job.state !== "JOB_STATE_SUCCEEDED") throw new Error(job.error?.message ?? job.state);
  return job.result;
}

async function taken(path, kind) {
  return done({ ingest: { digest: await upload(path), kind, display_name: basename(path) } });
}

const { clip_id } = await taken(clip, "INGEST_KIND_CLIP");
const { faceset_id } = await taken(faces, "INGEST_KIND_FACESET");
// By what right this face is used; said once.
if (!(await ask(facesets, "GetFaceset", { faceset_id })).identity_id) {
  const said = { display_name: basename(faces), attestation: { basis: "BASIS_CONSENT" } };
  const { identity_id } = await ask(identities, "CreateIdentity", said);
  await ask(identities, "AssignIdentity", { identity_id, faceset_id });
}
const { artifacts, summary } = await done({ swap: { clip_id, faceset_id } });
const file = createWriteStream(out);
for await (const { data } of blobs.ReadBlob({ digest: artifacts[0].digest }, token)) file.write(data);
file.end(() => console.log(summary.join("\n")));
