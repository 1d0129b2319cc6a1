/** Arrays of a NumPy .npz file: a zip archive of .npy files. */

import { fromHalf } from "./float16.js";

const END = 0x06054b50; // signatures of a zip archive
const ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;
const LONGEST_COMMENT = 0xffff;

/**
 * @param {Blob} file
 * @param {string[]} names of the arrays to read
 * @returns {Promise<Object<string, {shape: number[], values: ArrayLike<number> | string[]}>>}
 */
export async function read(file, names) {
  const entries = await directory(file);
  const found = {};
  for (const name of names) {
    const entry = entries.get(`${name}.npy`);
    if (!entry) throw new Error(`it has no array ${name}`);
    found[name] = parse(await content(file, entry));
  }
  return found;
}

/** The entries of a zip archive by name, from the list at its end. */
async function directory(file) {
  const tail = await view(file, Math.max(0, file.size - 22 - LONGEST_COMMENT), file.size);
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw new Error("it is no .npz file");
  const from = tail.getUint32(at + 16, true);
  const list = await view(file, from, from + tail.getUint32(at + 12, true));
  const entries = new Map();
  for (let place = 0; place + 46 <= list.byteLength && list.getUint32(place, true) === ENTRY; ) {
    const [name, extra, comment] = [28, 30, 32].map((field) => list.getUint16(place + field, true));
    entries.set(text(list, place + 46, name), {
      method: list.getUint16(place + 10, true),
      size: list.getUint32(place + 20, true),
      start: list.getUint32(place + 42, true),
    });
    place += 46 + name + extra + comment;
  }
  return entries;
}

async function content(file, { method, size, start }) {
  const header = await view(file, start, start + 30);
  const from = start + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const packed = file.slice(from, from + size);
  if (method === STORED) return packed.arrayBuffer();
  if (method !== DEFLATED) throw new Error("it is packed in a way that is not known here");
  const stream = packed.stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

/** An array of a .npy file, little-endian and in C order. */
function parse(buffer) {
  const start = new DataView(buffer);
  const isShort = start.getUint8(6) === 1;
  const begin = (isShort ? 10 : 12) + (isShort ? start.getUint16(8, true) : start.getUint32(8, true));
  const header = text(start, 10, begin - 10);
  const [, type] = header.match(/'descr': *'([^']*)'/) ?? [];
  const [, sizes] = header.match(/'shape': *\(([^)]*)\)/) ?? [];
  const shape = sizes.split(",").filter((word) => word.trim()).map(Number);
  if (/'fortran_order': *True/.test(header)) throw new Error("an array is not in C order");
  return { shape, values: values(buffer.slice(begin), type) };
}

function values(data, type) {
  if (type === "<f2") return fromHalf(new Uint16Array(data));
  if (type === "<f4") return new Float32Array(data);
  if (type === "<i2") return new Int16Array(data);
  if (type === "<i4") return new Int32Array(data);
  if (type.startsWith("<U")) return words(new Uint32Array(data), Number(type.slice(2)));
  throw new Error(`arrays of the type ${type} are not read here`);
}

/** Text of a fixed width, a code point each. */
function words(codes, width) {
  return Array.from({ length: codes.length / width }, (_, row) =>
    String.fromCodePoint(...codes.subarray(row * width, (row + 1) * width).filter(Boolean)),
  );
}

const view = async (file, from, to) => new DataView(await file.slice(from, to).arrayBuffer());
const text = (data, from, length) =>
  new TextDecoder().decode(new Uint8Array(data.buffer, data.byteOffset + from, length));
