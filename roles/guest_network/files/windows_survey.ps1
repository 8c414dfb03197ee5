# SPDX-License-Identifier: GPL-3.0-or-later
# Prints what is there as JSON, for plugins/plugin_utils/guest/network/windows.py. Changes nothing.
$ErrorActionPreference = 'Stop'
$adapters = foreach ($a in Get-NetAdapter -Physical | Sort-Object ifIndex) {
    $ip = Get-NetIPInterface -InterfaceIndex $a.ifIndex -AddressFamily IPv4 -ErrorAction SilentlyContinue
    @{
        alias = $a.Name; mac = $a.MacAddress; index = $a.ifIndex; status = [string]$a.Status
        dhcp = [string]$ip.Dhcp -eq 'Enabled'
        addresses = @(Get-NetIPAddress -InterfaceIndex $a.ifIndex -AddressFamily IPv4 -ErrorAction SilentlyContinue |
            Where-Object { $_.IPAddress -notlike '169.254.*' } | ForEach-Object { @{ip = $_.IPAddress; prefix = $_.PrefixLength } })
        gateways = @(Get-NetRoute -InterfaceIndex $a.ifIndex -DestinationPrefix '0.0.0.0/0' -ErrorAction SilentlyContinue |
            ForEach-Object { $_.NextHop })
        dns = @((Get-DnsClientServerAddress -InterfaceIndex $a.ifIndex -AddressFamily IPv4 -ErrorAction SilentlyContinue).ServerAddresses)
    }
}
$azure = $false
if ((Get-CimInstance Win32_ComputerSystem).Manufacturer -notlike 'VMware*') {
    try {
        $answer = Invoke-RestMethod -TimeoutSec 3 -Headers @{Metadata = 'true' } `
            -Uri 'http://169.254.169.254/metadata/instance/compute/azEnvironment?api-version=2021-02-01&format=text'
        $azure = $answer -match '^Azure\w+$'
    } catch { $azure = $false }
}
@{
    hostname = $env:COMPUTERNAME
    tag = [string](Get-CimInstance Win32_SystemEnclosure).SMBIOSAssetTag
    azure = $azure
    adapters = @($adapters)
    tools = @(Get-Service -Name VMTools -ErrorAction SilentlyContinue |
        ForEach-Object { @{name = $_.Name; enabled = [string]$_.StartType -eq 'Automatic'; active = [string]$_.Status -eq 'Running' } })
    disks = @(Get-Disk | ForEach-Object { @{number = $_.Number; name = $_.FriendlyName; offline = $_.IsOffline } })
    agents = @(Get-Service -Name WindowsAzureGuestAgent, RdAgent -ErrorAction SilentlyContinue | ForEach-Object { $_.Name })
} | ConvertTo-Json -Depth 5 -Compress
