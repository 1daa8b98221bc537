// The README's pictures, .github/page-light.png and page-dark.png: node tests/picture.mjs. It builds the page and opens it 1440 px
// wide in both colour schemes, with its recorded run at the end, where it stands if motion is not wanted.
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { BROWSER_ARGS, requireBrowser } from './browser.mjs';

process.chdir(join(import.meta.dirname, '..'));

const viewport = { width: 1440, height: 900 };
/** The charts are drawn and the adapter is known. */
const SETTLING_MS = 10_000;

const built = await mkdtemp(join(tmpdir(), 'grpo-playground-'));
await build({ logLevel: 'warn', build: { outDir: built, emptyOutDir: true } });
const server = await preview({ logLevel: 'warn', build: { outDir: built }, preview: { port: 0 } });
const browser = await chromium.launch({ executablePath: await requireBrowser(), args: BROWSER_ARGS });

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  const page = await browser.newPage({ viewport, colorScheme, reducedMotion: 'reduce' });
  await page.goto(server.resolvedUrls?.local[0] ?? '');
  await page.getByRole('region', { name: 'Progress' }).filter({ hasText: 'Step 250 of 250' }).waitFor();
  await page.waitForTimeout(SETTLING_MS);
  // Whose machine has no GPU is told so; a reader of the README need not be.
  for (const notice of await page.getByRole('note').filter({ hasText: 'This is a software adapter' }).all())
    await notice.evaluate((element) => element.remove());
  await page.mouse.move(0, 0);
  const screenshot = await page.screenshot({ animations: 'disabled' });
  await page.close();
  writeFileSync(`.github/page-${colorScheme}.png`, indexedPng(await quantize(screenshot)));
}

await browser.close();
await server.close();
await rm(built, { recursive: true });

/**
 * The picture in its 256 most frequent colours, which is a third of the bytes and looks the same.
 * @param {Buffer} screenshot
 */
async function quantize(screenshot) {
  const page = await browser.newPage();
  const { palette, indices } = await page.evaluate(
    async (source) => {
      const bitmap = await createImageBitmap(await (await fetch(source)).blob());
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      if (!context) throw new Error('expected a 2D context, but the browser gives none');
      context.drawImage(bitmap, 0, 0);
      const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
      const colours = Array.from({ length: data.length / 4 }, (_, at) => [...data.subarray(4 * at, 4 * at + 3)].join());
      /** @type {Map<string, number>} */
      const counts = new Map();
      for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
      const ranked = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
      const channels = ranked.map((colour) => colour.split(',').map(Number));
      const palette = channels.slice(0, 256);
      /** @param {number[]} colour */
      const nearest = (colour) => {
        const distances = palette.map((one) => Math.hypot(...one.map((value, at) => value - (colour[at] ?? 0))));
        return distances.indexOf(Math.min(...distances));
      };
      const index = new Map(ranked.map((colour, at) => [colour, nearest(channels[at] ?? [])]));
      return { palette, indices: colours.map((colour) => index.get(colour) ?? 0) };
    },
    `data:image/png;base64,${screenshot.toString('base64')}`,
  );
  await page.close();
  return { palette, indices };
}

/**
 * PNG of the viewport's size, a byte a pixel (W3C PNG, colour type 3), every row unfiltered.
 * @param {{ palette: number[][], indices: number[] }} picture
 */
function indexedPng({ palette, indices }) {
  const { width, height } = viewport;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  const rows = Array.from({ length: height }, (_, row) => [0, ...indices.slice(row * width, (row + 1) * width)]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * @param {string} type
 * @param {Buffer} data
 */
function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
