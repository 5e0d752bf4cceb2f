import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from './code-blocks.js';

const LIMIT_MS = 50_000;

/**
 * What the compiler says of a module in JavaScript that imports the built library, in a strict project of its own.
 * @returns `undefined`: nothing
 */
export async function typeComplaint(text: string): Promise<string | undefined> {
  const project = await mkdtemp(join(tmpdir(), 'agent-enroll-example-'));
  try {
    await mkdir(join(project, 'node_modules'));
    await symlink(PROJECT, join(project, 'node_modules/agent-enroll'));
    await writeFile(join(project, 'example.mjs'), text);
    const compilerOptions = {
      allowJs: true,
      checkJs: true,
      strict: true,
      noEmit: true,
      target: 'es2023',
      module: 'nodenext',
      types: ['node'],
      typeRoots: [join(PROJECT, 'node_modules/@types')],
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['example.mjs'] }));
    const compiler = join(PROJECT, 'node_modules/@typescript/native/bin/tsc');
    return await new Promise((resolve) => {
      const options = { cwd: project, timeout: LIMIT_MS };
      execFile(process.execPath, [compiler, '-p', '.'], options, (error, stdout) => {
        resolve(error === null ? undefined : stdout || error.message);
      });
    });
  } finally {
    await rm(project, { recursive: true, force: true });
  }
}
