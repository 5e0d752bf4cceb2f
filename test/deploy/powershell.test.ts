import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { run } from '../e2e/program.js';
import { deployed, needs, scratchDirectory, tool } from './tool.js';

/** What PowerShell's own parser finds wrong with a script. */
async function faults(path: string): Promise<string> {
  const parse = `$faults = $null; [void][System.Management.Automation.Language.Parser]::ParseFile('${path}', [ref]$null, [ref]$faults); $faults | ForEach-Object { $_.Message }`;
  return (await tool('pwsh', ['-NoProfile', '-NonInteractive', '-Command', parse])).stdout.trim();
}

describe('what is written for PowerShell', function () {
  this.timeout(60_000);

  it('the installation script is one that PowerShell can read', async function () {
    needs(this, 'pwsh');
    expect(await faults(deployed('powershell/Install-AgentEnroll.ps1'))).to.equal('');
  });

  it('the completion is one that PowerShell can read', async function () {
    needs(this, 'pwsh');
    const { path: directory, remove } = await scratchDirectory();
    try {
      const path = join(directory, 'completion.ps1');
      await writeFile(path, (await run(['completion', 'powershell'])).stdout);
      expect(await faults(path)).to.equal('');
    } finally {
      await remove();
    }
  });
});
