// sharp as an encoder of pixels: one line of JSON in, one out, until stdin ends.
//
//   node sharp_encoder.mjs --sharp DIR
//
// In: {raw, width, height, format, options, out}: a file of RGB bytes, what sharp's method of that name is given, and
// where the result goes. Out: {seconds}: CPU seconds of the whole process for this encode, all threads counted.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({ options: { sharp: { type: 'string' } } });
const sharp = createRequire(path.resolve(given.sharp, 'here.js'))('sharp');
sharp.concurrency(1);
sharp.cache(false);

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { raw, width, height, format, options, out } = JSON.parse(line);
  const pixels = fs.readFileSync(raw);
  const before = process.cpuUsage();
  const data = await sharp(pixels, { raw: { width, height, channels: 3 } })[format](options).toBuffer();
  const used = process.cpuUsage(before);
  fs.writeFileSync(out, data);
  console.log(JSON.stringify({ seconds: (used.user + used.system) / 1e6 }));
}
