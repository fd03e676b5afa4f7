// Checks a file's manifest with @trustnxt/c2pa-ts, which shares no code with what signed it.
import { readFile } from "node:fs/promises";
import { BMFF, JPEG, PNG } from "@trustnxt/c2pa-ts/asset";
import { SuperBox } from "@trustnxt/c2pa-ts/jumbf";
import { ManifestStore } from "@trustnxt/c2pa-ts/manifest";

// It reads all files of this family, though it lists HEIF pictures only.
for (const brand of ["isom", "mp42", "qt  "]) BMFF.canReadBrands.add(brand);
const data = await readFile(process.argv[2]);
const kind = [JPEG, PNG, BMFF].find((one) => one.canRead(data));
const asset = new kind(data);
const store = ManifestStore.read(SuperBox.fromBuffer(asset.getManifestJUMBF()));
const found = await store.validate(asset);
const wrong = found.statusEntries.filter((one) => !one.success).map((one) => one.code);
console.log(JSON.stringify({ valid: found.isValid, wrong }));
