import { win32 } from 'node:path';

/** Restricts who may use a file, on systems where its mode does not. */
export interface Acl {
  /**
   * Leaves the file to Administrators and SYSTEM alone.
   *
   * @throws Error with the reason in words
   */
  restrict(path: string): Promise<void>;
  /** Leaves a directory, and what will be made in it, to Administrators and SYSTEM alone. Throws as `restrict`. */
  restrictDirectory(path: string): Promise<void>;
  /** Whether a link (symbolic link or junction) certainly belongs to Administrators, SYSTEM or the installer of Windows. */
  isAdministrators(path: string): Promise<boolean>;
}

/** How a program ended, and what it said. */
export interface CommandResult {
  /** The exit code; `undefined`: it did not start, was ended by a signal or took too long. */
  readonly code: number | undefined;
  readonly output: string;
}

/** Runs a program without a shell and waits for its end. */
export type RunCommand = (file: string, args: readonly string[]) => Promise<CommandResult>;

// Well-known SIDs: the groups' names differ with the language of Windows.
const ADMINISTRATORS = '*S-1-5-32-544';
const SYSTEM = '*S-1-5-18';

const TRUSTED_OWNERS: ReadonlySet<string> = new Set([
  'S-1-5-32-544',
  'S-1-5-18',
  // TrustedInstaller.
  'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464',
]);

/**
 * The ACL of a key on Windows, set with icacls, which every Windows since Vista has: inherited entries off, full
 * control for Administrators and for SYSTEM, as which the agent runs. On an installed agent that is what the
 * directory's own ACL amounts to; elsewhere a directory may be open to all users.
 *
 * @param systemRoot the directory of Windows, such as `C:\\Windows`
 */
export function icacls(systemRoot: string, run: RunCommand = runCommand): Acl {
  // By their full paths: Windows would look for a bare name in the working directory first.
  const program = win32.join(systemRoot, 'System32', 'icacls.exe');
  const powershell = win32.join(systemRoot, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const restrictTo = async (path: string, rights: string) => {
    const grants = ['/grant:r', `${ADMINISTRATORS}:${rights}`, `${SYSTEM}:${rights}`];
    const { code, output } = await run(program, [path, '/inheritance:r', ...grants, '/q']);
    if (code === 0) return;
    const how = code === undefined ? 'did not run to its end' : `ended with code ${code}`;
    throw new Error(`icacls ${how}${output === '' ? '' : `: ${output}`}`);
  };
  return {
    restrict: (path) => restrictTo(path, 'F'),
    restrictDirectory: (path) => restrictTo(path, '(OI)(CI)F'),
    async isAdministrators(path) {
      const ask = `(Get-Acl -LiteralPath '${path.replace(QUOTES, '$&$&')}').GetOwner([Security.Principal.SecurityIdentifier]).Value`;
      const { code, output } = await run(powershell, ['-NoProfile', '-NonInteractive', '-Command', ask]);
      return code === 0 && TRUSTED_OWNERS.has(output.trim());
    },
  };
}

/** PowerShell takes the typographic ones for the plain one, and two of them for one that is meant. */
const QUOTES = /['\u2018-\u201b]/g;

const LIMIT_MS = 10_000;
const OUTPUT_BYTES = 16 * 1024;

const runCommand: RunCommand = async (file, args) => {
  const { execFile } = await import('node:child_process');
  return await new Promise((resolve) => {
    const limits = { timeout: LIMIT_MS, maxBuffer: OUTPUT_BYTES, windowsHide: true };
    execFile(file, [...args], limits, (error, stdout, stderr) => {
      const output = `${stderr} ${stdout}`.replace(/\s+/g, ' ').trim();
      if (error === null) resolve({ code: 0, output });
      else if (typeof error.code === 'number') resolve({ code: error.code, output });
      else resolve({ code: undefined, output: output === '' ? error.message : output });
    });
  });
};
