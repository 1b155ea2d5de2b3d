// sharp in one Node process: re-encodes a folder with our encoders' options and prints one line of JSON.
//
//   node sharp_batch.mjs --sharp DIR --in DIR --out DIR [--format jpeg|webp|avif] [--quality 80] [--in-flight 4] [--threads 1]
//
// --sharp: the folder whose node_modules holds sharp; --in-flight: images handed to sharp at once;
// --threads: libvips threads an image.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({
  options: {
    sharp: { type: 'string' },
    in: { type: 'string' },
    out: { type: 'string' },
    format: { type: 'string', default: 'jpeg' },
    quality: { type: 'string', default: '80' },
    'in-flight': { type: 'string', default: '4' },
    threads: { type: 'string', default: '1' },
  },
});
const sharp = createRequire(path.resolve(given.sharp, 'here.js'))('sharp');
sharp.concurrency(Number(given.threads));
sharp.cache(false);
const quality = Number(given.quality);
// mozjpeg switches on trellis quantisation, overshoot deringing, scan optimisation and quantisation table 3.
const encoder = {
  jpeg: [{ quality, mozjpeg: true, chromaSubsampling: '4:2:0' }, '.jpg'],
  webp: [{ quality, effort: 4 }, '.webp'],
  avif: [{ quality, effort: 4, chromaSubsampling: '4:4:4', bitdepth: 8 }, '.avif'],
}[given.format];

fs.mkdirSync(given.out, { recursive: true });
const names = fs.readdirSync(given.in).sort();
const started = performance.now();
let next = 0;
let bytes = 0;

async function lane() {
  while (next < names.length) {
    const name = names[next++];
    const target = path.join(given.out, path.parse(name).name + encoder[1]);
    const image = sharp(path.join(given.in, name), { sequentialRead: true });
    bytes += (await image[given.format](encoder[0]).toFile(target)).size;
  }
}

await Promise.all(Array.from({ length: Number(given['in-flight']) }, lane));
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ sharp: sharp.versions.sharp, images: names.length, seconds, bytes }));
