# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside the process server's Windows: the unattended set-up and the removal, as run commands.

Sources: failback-domain.md 2.2 (DOC PSSC, CSMG) for the set-up's options and 2.5 (DOC) for the removal's order. Its exit
codes are documented nowhere, so every one but 0 ends the script as failed. The passphrase comes as a protected parameter,
is in a file that only administrators and the system may read, and the file is deleted when the script ends.
"""

from __future__ import annotations

#: Names of the run commands on the VM.
SETUP_COMMAND, REMOVE_COMMAND = "homeward-asr-setup", "homeward-asr-remove"

#: Seconds a script may take (the service's own limit is higher, DOC).
SETUP_SECONDS, REMOVE_SECONDS = 5400, 3600

SETUP_SCRIPT = r"""
param(
  [Parameter(Mandatory)][string]$ConfigurationServer,
  [Parameter(Mandatory)][string]$ProcessServer,
  [Parameter(Mandatory)][string]$Passphrase,
  [Parameter(Mandatory)][string]$InstallerUrl,
  [string]$InstallerChecksum = '',
  [string]$DataPort = '9443',
  [string]$Attempt = ''
)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
if (Get-Service -Name 'ProcessServer' -ErrorAction SilentlyContinue) {
  Write-Output 'The process server is installed already.'
  exit 0
}
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
# The cache gets the empty data disk; a disk with anything on it is never touched.
$cache = Get-Volume -FileSystemLabel 'ASRCache' -ErrorAction SilentlyContinue | Select-Object -First 1
if (-not $cache) {
  $disk = Get-Disk | Where-Object { $_.PartitionStyle -eq 'RAW' -and -not $_.IsBoot } | Select-Object -First 1
  if (-not $disk) { Write-Error 'There is no empty data disk for the cache.'; exit 2 }
  Initialize-Disk -Number $disk.Number -PartitionStyle GPT
  $part = New-Partition -DiskNumber $disk.Number -UseMaximumSize -AssignDriveLetter
  $cache = Format-Volume -Partition $part -FileSystem NTFS -NewFileSystemLabel 'ASRCache' -Confirm:$false
}
$drive = $cache.DriveLetter + ':\'
$work = Join-Path $env:SystemDrive 'ASRSetup'
New-Item -ItemType Directory -Force -Path $work | Out-Null
$installer = Join-Path $work 'MicrosoftAzureSiteRecoveryUnifiedSetup.exe'
Invoke-WebRequest -UseBasicParsing -Uri $InstallerUrl -OutFile $installer
if ($InstallerChecksum) {
  $found = (Get-FileHash -Algorithm SHA256 -Path $installer).Hash
  if ($found -ne $InstallerChecksum) { Write-Error "The installer's SHA-256 is $found."; exit 3 }
}
$extracted = Join-Path $work 'Extracted'
$step = Start-Process -FilePath $installer -ArgumentList '/q', "/x:$extracted" -Wait -PassThru
if ($step.ExitCode -ne 0) { Write-Error "Extraction ended with exit code $($step.ExitCode)."; exit $step.ExitCode }
$secret = Join-Path $work 'passphrase.txt'
try {
  New-Item -ItemType File -Force -Path $secret | Out-Null
  & icacls.exe $secret /inheritance:r /grant:r '*S-1-5-32-544:F' '*S-1-5-18:F' | Out-Null
  Set-Content -Path $secret -Value $Passphrase -NoNewline -Encoding ASCII
  $arguments = @('/AcceptThirdpartyEULA', '/ServerMode', 'PS', '/InstallLocation', "`"$drive`"", '/EnvType', 'VMWare',
    '/PSIP', $ProcessServer, '/CSIP', $ConfigurationServer, '/PassphraseFilePath', "`"$secret`"",
    '/DataTransferSecurePort', $DataPort)
  $step = Start-Process -FilePath (Join-Path $extracted 'UNIFIEDSETUP.EXE') -ArgumentList $arguments -Wait -PassThru
  if ($step.ExitCode -ne 0) { Write-Error "Unified Setup ended with exit code $($step.ExitCode)."; exit $step.ExitCode }
} finally {
  Remove-Item -Force -Path $secret -ErrorAction SilentlyContinue
}
Write-Output 'The process server is installed.'
""".strip()

#: Two entries of Programs and Features, in this order (DOC). Their own uninstall commands run silently.
REMOVE_SCRIPT = r"""
$ErrorActionPreference = 'Stop'
$places = 'HKLM:\Software\Microsoft\Windows\CurrentVersion\Uninstall\*',
  'HKLM:\Software\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\*'
foreach ($name in 'Microsoft Azure Site Recovery Configuration/Process Server',
  'Microsoft Azure Site Recovery Configuration/Process Server Dependencies') {
  $entry = Get-ItemProperty $places -ErrorAction SilentlyContinue | Where-Object { $_.DisplayName -eq $name } |
    Select-Object -First 1
  if (-not $entry) { continue }
  $command = if ($entry.QuietUninstallString) { $entry.QuietUninstallString } else { "$($entry.UninstallString) /VERYSILENT /NORESTART" }
  $step = Start-Process -FilePath "$env:ComSpec" -ArgumentList '/c', $command -Wait -PassThru
  if ($step.ExitCode -notin 0, 3010) { Write-Error "Removing $name ended with exit code $($step.ExitCode)."; exit $step.ExitCode }
}
Write-Output 'Uninstalled.'
""".strip()
