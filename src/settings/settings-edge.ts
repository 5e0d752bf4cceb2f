import { open, stat } from 'node:fs/promises';
import type { SettingsEdge } from './password.js';

/** Reads the files that settings name, and standard input. */
export const nodeSettingsEdge: SettingsEdge = {
  readText: async (path, limit) => Buffer.from(await readLimited(path, limit)).toString('utf8'),
  readBytes: readLimited,
  isPublic: async (path) => process.platform !== 'win32' && ((await stat(path)).mode & 0o004) !== 0,
  readStandardInput: async (limit) => {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of process.stdin) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      length += bytes.length;
      if (length > limit) break;
    }
    return Buffer.concat(chunks).subarray(0, limit).toString('utf8');
  },
};

async function readLimited(path: string, limit: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(limit, (await file.stat()).size || limit));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}
