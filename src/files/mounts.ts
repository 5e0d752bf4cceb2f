import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

/**
 * Where something is mounted: the fifth field of each line, with blanks and backslashes in octal (proc(5),
 * /proc/pid/mountinfo). `undefined`: a sandbox hides /proc.
 *
 * @param mountinfo the file that tells it
 */
export function mountPoints(mountinfo = '/proc/self/mountinfo'): ReadonlySet<string> | undefined {
  let text: string;
  try {
    text = readFileSync(mountinfo, 'utf8');
  } catch {
    return undefined;
  }
  const fields = text.split('\n').map((line) => line.split(' ')[4] ?? '');
  return new Set(fields.map((f) => f.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)))));
}

/** statfs(2): ext2 to ext4, XFS, Btrfs, tmpfs, ramfs, overlay, ZFS, F2FS, bcachefs, SquashFS, EROFS, proc, sysfs. */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e, 0x73717368,
  0xe0f5e1e2, 0x9fa0, 0x62656572,
]);

/**
 * Whether a file system is kept by this machine itself: none that a server or another process has to answer for, as for
 * NFS and FUSE, where a look may last for ever. Of one that is not known, or does not tell, that is not believed.
 */
export async function isLocal(path: string): Promise<boolean> {
  try {
    return LOCAL.has((await statfs(path)).type);
  } catch {
    return false;
  }
}
