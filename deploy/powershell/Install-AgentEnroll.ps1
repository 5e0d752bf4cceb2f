<#
.SYNOPSIS
Installs agent-enroll on Windows and enrolls this host with its manager.

.DESCRIPTION
Takes agent-enroll-win-x64.exe from a directory, a share or an https address, checks its SHA-256 sum, installs it into
Program Files and runs it. Run as administrator. Works with Windows PowerShell 5.1 and PowerShell 7.
Ends with the exit code of agent-enroll; 1 where the program could not be installed.

.EXAMPLE
.\Install-AgentEnroll.ps1 -Source \\files\agent-enroll -Sha256 0123... -Manager siem.example.org -PasswordFile C:\secret.txt

.EXAMPLE
.\Install-AgentEnroll.ps1 -Source \\files\agent-enroll -Sha256 0123... -TokenFile C:\token.txt

.EXAMPLE
.\Install-AgentEnroll.ps1 -Source https://downloads.example.org/agent-enroll/0.1.0 -Sha256 0123... -InstallOnly
#>
[CmdletBinding(DefaultParameterSetName = 'Enroll')]
param(
    # The directory or the address that holds agent-enroll-win-x64.exe.
    [Parameter(Mandatory = $true)][string]$Source,
    # Its sum, from SHA256SUMS.
    [Parameter(Mandatory = $true)][ValidatePattern('^[0-9a-fA-F]{64}$')][string]$Sha256,
    # The minisign key that must have signed SHA256SUMS: its line RW..., not a file. Where minisign is not installed the sum
    # alone is checked, and a warning says so.
    [string]$PublicKey,
    # Not needed with a token, which names it.
    [Parameter(ParameterSetName = 'Enroll')][string]$Manager,
    # A file with the enrollment password on its first line. There is no parameter for the password itself: it would be
    # in the process list and in the event log.
    [Parameter(ParameterSetName = 'Enroll')][string]$PasswordFile,
    # A file with the enrollment token of a Wazuh 5 on its first line.
    [Parameter(ParameterSetName = 'Enroll')][string]$TokenFile,
    # Further options of agent-enroll, for example '--groups', 'web', '--write-config'.
    [Parameter(ParameterSetName = 'Enroll')][string[]]$Options = @(),
    [Parameter(Mandatory = $true, ParameterSetName = 'InstallOnly')][switch]$InstallOnly,
    [string]$Directory = (Join-Path $env:ProgramFiles 'agent-enroll')
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$name = 'agent-enroll-win-x64.exe'
$program = Join-Path $Directory 'agent-enroll.exe'

if (-not $InstallOnly -and -not $Manager -and -not $TokenFile) {
    [Console]::Error.WriteLine('Install-AgentEnroll: name the manager with -Manager, or give a token with -TokenFile.')
    exit 1
}

function Test-Sum([string]$Path) {
    # -eq ignores case.
    return (Test-Path -LiteralPath $Path) -and ((Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash -eq $Sha256)
}

function Get-FromSource([string]$Name, [string]$Target) {
    if ($Source -match '^https?://') {
        # Windows PowerShell may still offer TLS 1.0 only, and its progress bar makes downloads slow.
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
        $ProgressPreference = 'SilentlyContinue'
        Invoke-WebRequest -UseBasicParsing -Uri ($Source.TrimEnd('/') + '/' + $Name) -OutFile $Target
    }
    else {
        Copy-Item -LiteralPath (Join-Path $Source $Name) -Destination $Target
    }
}

function Assert-Signature([string]$Sums) {
    if (-not (Get-Command minisign -CommandType Application -ErrorAction SilentlyContinue)) {
        Write-Warning 'minisign is not installed: the signature was not checked, the sum is.'
        return
    }
    Get-FromSource 'SHA256SUMS' $Sums
    Get-FromSource 'SHA256SUMS.minisig' "$Sums.minisig"
    & minisign -V -q -P $PublicKey -m $Sums | Out-Null
    if ($LASTEXITCODE -ne 0) {
        throw "$Source/SHA256SUMS is not signed with this key. Nothing was installed."
    }
    if (-not (Select-String -LiteralPath $Sums -Pattern ('^' + $Sha256 + ' [ *]' + [regex]::Escape($name) + '$') -Quiet)) {
        throw "$Source/SHA256SUMS says another sum than -Sha256. Nothing was installed."
    }
}

try {
    if (-not (Test-Sum $program)) {
        New-Item -ItemType Directory -Force -Path $Directory | Out-Null
        $new = Join-Path $Directory ('.' + [System.IO.Path]::GetRandomFileName())
        try {
            if ($PublicKey) { Assert-Signature "$new.sums" }
            Get-FromSource $name $new
            if (-not (Test-Sum $new)) {
                throw "$Source/$name has another SHA-256 sum than $Sha256. Nothing was installed."
            }
            Move-Item -LiteralPath $new -Destination $program -Force
        }
        finally {
            foreach ($left in $new, "$new.sums", "$new.sums.minisig") {
                if (Test-Path -LiteralPath $left) { Remove-Item -LiteralPath $left -Force }
            }
        }
    }
}
catch {
    [Console]::Error.WriteLine("Install-AgentEnroll: $($_.Exception.Message)")
    exit 1
}

if ($InstallOnly) { exit 0 }

$arguments = @('enroll')
if ($Manager) { $arguments += @('--manager', $Manager) }
if ($TokenFile) { $arguments += @('--token-file', $TokenFile) }
if ($PasswordFile) { $arguments += @('--password-file', $PasswordFile) }
$arguments += $Options

# What agent-enroll says on standard error is no error of this script.
$ErrorActionPreference = 'Continue'
& $program @arguments
exit $LASTEXITCODE
