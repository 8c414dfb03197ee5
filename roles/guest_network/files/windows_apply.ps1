# SPDX-License-Identifier: GPL-3.0-or-later
# Starts a task of SYSTEM that sets addresses, gateways and DNS servers, waits for the file "reached", and puts the old ones back without it.
param([string]$Steps, [int]$Seconds)
$ErrorActionPreference = 'Stop'
$state = Join-Path $env:ProgramData 'homeward-asr\network'
New-Item -ItemType Directory -Force -Path $state | Out-Null
Remove-Item -Force -ErrorAction SilentlyContinue -Path (Join-Path $state 'reached'), (Join-Path $state 'applied')
Set-Content -Encoding UTF8 -Path (Join-Path $state 'steps.json') -Value $Steps
$task = @'
param([int]$Seconds)
$state = Join-Path $env:ProgramData 'homeward-asr\network'
function Get-Now([string]$Alias) {
    $ip = Get-NetIPInterface -InterfaceAlias $Alias -AddressFamily IPv4
    @{
        alias = $Alias; dhcp = [string]$ip.Dhcp -eq 'Enabled'
        addresses = @(Get-NetIPAddress -InterfaceAlias $Alias -AddressFamily IPv4 -ErrorAction SilentlyContinue |
            ForEach-Object { @{ip = $_.IPAddress; prefix = $_.PrefixLength } })
        gateway = [string](Get-NetRoute -InterfaceAlias $Alias -DestinationPrefix '0.0.0.0/0' -ErrorAction SilentlyContinue |
            Select-Object -First 1).NextHop
        dns = @((Get-DnsClientServerAddress -InterfaceAlias $Alias -AddressFamily IPv4).ServerAddresses)
    }
}
function Set-Network($Step) {
    Get-NetRoute -InterfaceAlias $Step.alias -DestinationPrefix '0.0.0.0/0' -ErrorAction SilentlyContinue | Remove-NetRoute -Confirm:$false
    if ($Step.dhcp) {
        Get-NetIPAddress -InterfaceAlias $Step.alias -AddressFamily IPv4 -ErrorAction SilentlyContinue |
            Where-Object PrefixOrigin -EQ 'Manual' | Remove-NetIPAddress -Confirm:$false
        Set-NetIPInterface -InterfaceAlias $Step.alias -AddressFamily IPv4 -Dhcp Enabled
    } else {
        Set-NetIPInterface -InterfaceAlias $Step.alias -AddressFamily IPv4 -Dhcp Disabled
        Get-NetIPAddress -InterfaceAlias $Step.alias -AddressFamily IPv4 -ErrorAction SilentlyContinue | Remove-NetIPAddress -Confirm:$false
        $first = $true
        foreach ($a in $Step.addresses) {
            $more = @{}
            if ($first -and $Step.gateway) { $more = @{DefaultGateway = $Step.gateway } }
            New-NetIPAddress -InterfaceAlias $Step.alias -IPAddress $a.ip -PrefixLength $a.prefix @more | Out-Null
            $first = $false
        }
    }
    if ($Step.dns) { Set-DnsClientServerAddress -InterfaceAlias $Step.alias -ServerAddresses $Step.dns }
    else { Set-DnsClientServerAddress -InterfaceAlias $Step.alias -ResetServerAddresses }
}
$steps = @(Get-Content -Raw -Encoding UTF8 (Join-Path $state 'steps.json') | ConvertFrom-Json)
$before = @($steps | ForEach-Object { Get-Now $_.alias })
ConvertTo-Json -Depth 5 $before | Set-Content -Encoding UTF8 (Join-Path $state 'before.json')
Start-Sleep -Seconds 2
foreach ($s in $steps) { try { Set-Network $s } catch { $_ | Out-File -Append (Join-Path $state 'log') } }
New-Item -ItemType File -Force -Path (Join-Path $state 'applied') | Out-Null
$end = (Get-Date).AddSeconds($Seconds)
while ((Get-Date) -lt $end -and -not (Test-Path (Join-Path $state 'reached'))) { Start-Sleep -Seconds 1 }
if (-not (Test-Path (Join-Path $state 'reached'))) { foreach ($b in $before) { Set-Network $b } }
Unregister-ScheduledTask -TaskName 'homeward-asr-network' -Confirm:$false
'@
$file = Join-Path $state 'apply.ps1'
Set-Content -Encoding UTF8 -Path $file -Value $task
$arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "{0}" -Seconds {1}' -f $file, $Seconds
$action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $arguments
Register-ScheduledTask -Force -TaskName 'homeward-asr-network' -User 'SYSTEM' -RunLevel Highest -Action $action | Out-Null
Start-ScheduledTask -TaskName 'homeward-asr-network'
