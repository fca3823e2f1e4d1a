// Store a picture small, or compare two: `node pictures.mjs store NEW STORED`, which keeps few
// colors, and `node pictures.mjs compare NEW STORED DIFFERENCE`, which prints the share of pixels
// that differ once the new picture has the colors of the stored one.
import { readFileSync, writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";

const MAX_COLORS = 16;
const MAX_COLOR_DIFFERENCE = 0.1; // of pixelmatch, 0 to 1

const [command, ...paths] = process.argv.slice(2);
const [first, second] = paths.slice(0, 2);
if (command === "store") store(read(first), second);
else console.log(compare(read(first), read(second), paths[2]));

function read(path) {
  return PNG.sync.read(readFileSync(path));
}

function channels(color) {
  return [color >> 16, (color >> 8) & 255, color & 255];
}

function distance(one, other) {
  const [a, b] = [channels(one), channels(other)];
  return a.reduce((sum, value, at) => sum + (value - b[at]) ** 2, 0);
}

// Return how many pixels have each color.
function countColors({ data }) {
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) {
    const color = data.readUInt32BE(at) >>> 8;
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  return counts;
}

// Return a palette: the next color is always the one that most pixels are farthest from having.
function choosePalette(counts) {
  const wrong = new Map([...counts.keys()].map((color) => [color, 255 ** 2]));
  const palette = [];
  while (palette.length < Math.min(MAX_COLORS, counts.size)) {
    const weigh = ([color, count]) => count * wrong.get(color);
    const [next] = [...counts].reduce((one, other) => (weigh(other) > weigh(one) ? other : one));
    palette.push(next);
    for (const [color, least] of wrong) wrong.set(color, Math.min(least, distance(color, next)));
  }
  return palette;
}

// Return the place in a palette of each color of a picture.
function placeColors(counts, palette) {
  const nearest = (color) =>
    palette.reduce((best, each, place) => (distance(each, color) < distance(palette[best], color) ? place : best), 0);
  return new Map([...counts.keys()].map((color) => [color, nearest(color)]));
}

// Write a PNG with a palette, which pngjs cannot (https://www.w3.org/TR/png-3/).
function store(picture, path) {
  const { width, height, data } = picture;
  const counts = countColors(picture);
  const palette = choosePalette(counts);
  const places = placeColors(counts, palette);
  const rows = Buffer.alloc((width + 1) * height); // each row starts with 0: it is not filtered
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows[y * (width + 1) + x + 1] = places.get(data.readUInt32BE((y * width + x) * 4) >>> 8);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3], 8); // 8 bits a pixel, from a palette
  const chunks = [
    ["IHDR", head],
    ["PLTE", Buffer.from(palette.flatMap(channels))],
    ["IDAT", deflateSync(rows, { level: 9 })],
    ["IEND", Buffer.alloc(0)],
  ];
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  writeFileSync(path, Buffer.concat([signature, ...chunks.map((each) => chunk(...each))]));
}

function chunk(type, content) {
  const named = Buffer.concat([Buffer.from(type), content]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  checksum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, checksum]);
}

// Give a picture the colors of a palette.
function recolor(picture, palette) {
  const places = placeColors(countColors(picture), palette);
  for (let at = 0; at < picture.data.length; at += 4) {
    const color = palette[places.get(picture.data.readUInt32BE(at) >>> 8)];
    picture.data.writeUInt32BE(((color << 8) | 255) >>> 0, at);
  }
}

// Return the share of pixels that differ. Where only one picture has pixels, they differ.
function compare(taken, stored, path) {
  recolor(taken, [...countColors(stored).keys()]);
  const width = Math.max(taken.width, stored.width);
  const height = Math.max(taken.height, stored.height);
  const [before, after, difference] = [stored, taken, null].map((picture) => {
    const padded = new PNG({ width, height });
    if (picture) PNG.bitblt(picture, padded, 0, 0, picture.width, picture.height, 0, 0);
    return padded;
  });
  const options = { threshold: MAX_COLOR_DIFFERENCE };
  const number = pixelmatch(before.data, after.data, difference.data, width, height, options);
  writeFileSync(path, PNG.sync.write(difference));
  return number / (width * height);
}
