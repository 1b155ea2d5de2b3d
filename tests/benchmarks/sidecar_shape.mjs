// The shape of a sharp sidecar: one Node process for one batch, worker threads that each await one image after the other.
//
//   node sidecar_shape.mjs --sharp DIR --out DIR [--format jpeg|webp|avif] [--quality 80] [--threads N] < PATHS
//
// PATHS: the batch, one path a line; --threads: worker threads (default: one per CPU).
import { createRequire } from 'node:module';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

function work({ sharp: folder, out, format, quality }) {
  const sharp = createRequire(path.resolve(folder, 'here.js'))('sharp');
  const [options, extension] = {
    jpeg: [{ quality, mozjpeg: true, chromaSubsampling: '4:2:0' }, '.jpg'],
    webp: [{ quality, effort: 4 }, '.webp'],
    avif: [{ quality, effort: 3, chromaSubsampling: '4:4:4', bitdepth: 8 }, '.avif'],
  }[format];
  parentPort.on('message', async (source) => {
    const target = path.join(out, path.parse(source).name + extension);
    parentPort.postMessage(await sharp(source)[format](options).toFile(target));
  });
}

async function main() {
  const { values: given } = parseArgs({
    options: {
      sharp: { type: 'string' },
      out: { type: 'string' },
      format: { type: 'string', default: 'jpeg' },
      quality: { type: 'string', default: '80' },
      threads: { type: 'string', default: String(os.availableParallelism()) },
    },
  });
  fs.mkdirSync(given.out, { recursive: true });
  const batch = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean);
  const shared = { ...given, quality: Number(given.quality) };
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(Number(given.threads), batch.length) }, () => new Promise((resolve, reject) => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: shared });
      const give = () => {
        if (next < batch.length) worker.postMessage(batch[next++]);
        else resolve(worker.terminate());
      };
      worker.on('message', give);
      worker.on('error', reject);
      give();
    })),
  );
}

if (isMainThread) await main();
else work(workerData);
