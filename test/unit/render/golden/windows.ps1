#requires -Version 2.0
<#
.SYNOPSIS
    Prepares this Windows Server as a real server behind LVS direct routing. Rendered by rsprep.

.DESCRIPTION
    Puts each VIP, as a single address (mask 255.255.255.255), on a loopback adapter, and enables the weak host model: the
    LAN's interface then accepts packets for the VIP, and replies leave through it. Running it again changes nothing.

    For Windows Server 2008 and later. What was NOT done: this script was checked for syntax and against reviewed copies;
    it has not been run on Windows by its authors. Try it on one server, with -Verify afterwards, and ask for the VIP
    from a neighbour before it goes into rotation: nothing but the director may answer ARP for it.

.PARAMETER Interface
    Name of the LAN's interface, as in "netsh interface show interface". Default: the one with the default route.

.PARAMETER Verify
    Changes nothing. Says what differs; exit code 0 as wanted, 2 otherwise.

.PARAMETER Undo
    Removes the VIPs first, then the weak host settings. The loopback adapter stays (remove it in the Device Manager).

.EXAMPLE
    powershell -ExecutionPolicy Bypass -File rsprep.ps1
    powershell -ExecutionPolicy Bypass -File rsprep.ps1 -Verify
#>
param(
    [string] $Interface = '',
    [switch] $Verify,
    [switch] $Undo
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Vips = @(
    @{ Address = '192.0.2.10'; PrefixLength = 32; Family = 'IPv4'; Services = @('UDP/53', 'TCP/53') }
    @{ Address = '192.0.2.11'; PrefixLength = 32; Family = 'IPv4'; Services = @('TCP/443') }
    @{ Address = '2001:db8::10'; PrefixLength = 128; Family = 'IPv6'; Services = @('UDP/53') }
)
$LoopbackName = 'rsprep-loopback'
$RuleName = 'rsprep: {0} on {1}'
$Modern = [bool] (Get-Command -Name 'New-NetIPAddress' -ErrorAction SilentlyContinue)

function Invoke-Netsh([string[]] $Arguments) {
    $output = & netsh.exe $Arguments
    if ($LASTEXITCODE -ne 0) { throw ('netsh {0}: {1}' -f ($Arguments -join ' '), ($output -join ' ')) }
    return $output
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal($identity)
    return $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# Connections by WMI: the same on 2008 and 2025.
function Get-Connection {
    return @(Get-WmiObject -Class Win32_NetworkAdapter | Where-Object { $_.NetConnectionID })
}

function Find-Loopback {
    return @(Get-Connection | Where-Object { $_.NetConnectionID -eq $LoopbackName })
}

function Get-LanName {
    if ($Interface) { return $Interface }
    $route = @(Get-WmiObject -Class Win32_IP4RouteTable | Where-Object { $_.Destination -eq '0.0.0.0' } | Sort-Object -Property Metric1)
    if ($route.Count -eq 0) { throw 'There is no default route, by which the LAN interface is found. Next: name it with -Interface.' }
    $lan = @(Get-WmiObject -Class Win32_NetworkAdapter | Where-Object { $_.InterfaceIndex -eq $route[0].InterfaceIndex })
    if ($lan.Count -eq 0) { throw 'The default route has no interface with a name. Next: name it with -Interface.' }
    return $lan[0].NetConnectionID
}

# The loopback adapter is found by its driver and then renamed, because Windows calls it "Ethernet 5" or so.
function Add-Loopback {
    if ((Find-Loopback).Count -gt 0) { return }
    $found = @(Get-Connection | Where-Object { $_.ServiceName -eq 'msloop' -or $_.ServiceName -eq 'kmloop' })
    if ($found.Count -eq 0) {
        throw ('There is no loopback adapter. Next: hdwwiz.exe, "Install the hardware that I manually select", Network ' +
            'adapters, Microsoft, "Microsoft KM-TEST Loopback Adapter" ("Microsoft Loopback Adapter" before 2012); or ' +
            '"devcon.exe install %windir%\inf\netloop.inf *MSLOOP". Then run this again.')
    }
    if ($found.Count -gt 1) {
        throw ('There are {0} loopback adapters. Next: rename the one to use to "{1}".' -f $found.Count, $LoopbackName)
    }
    [void] (Invoke-Netsh @('interface', 'set', 'interface', ('name="{0}"' -f $found[0].NetConnectionID), ('newname="{0}"' -f $LoopbackName)))
}

function Get-AddressOnLoopback {
    $loopback = Find-Loopback
    if ($loopback.Count -eq 0) { return @() }
    $configuration = Get-WmiObject -Class Win32_NetworkAdapterConfiguration -Filter ('Index={0}' -f $loopback[0].Index)
    $pairs = @()
    if ($configuration.IPAddress) {
        for ($i = 0; $i -lt @($configuration.IPAddress).Count; $i++) {
            $pairs += ('{0}/{1}' -f @($configuration.IPAddress)[$i], @($configuration.IPSubnet)[$i])
        }
    }
    return $pairs
}

function Get-WantedPair($Vip) {
    if ($Vip.Family -eq 'IPv6') { return '{0}/128' -f $Vip.Address }
    return '{0}/255.255.255.255' -f $Vip.Address
}

function Add-Vip($Vip) {
    if (@(Get-AddressOnLoopback) -contains (Get-WantedPair $Vip)) { return }
    if ($Modern) {
        # SkipAsSource: Windows never chooses the VIP as the source of its own connections, nor registers it in DNS.
        [void] (New-NetIPAddress -InterfaceAlias $LoopbackName -IPAddress $Vip.Address -PrefixLength $Vip.PrefixLength -SkipAsSource $true)
    } elseif ($Vip.Family -eq 'IPv6') {
        [void] (Invoke-Netsh @('interface', 'ipv6', 'add', 'address', $LoopbackName, ('{0}/128' -f $Vip.Address)))
    } else {
        [void] (Invoke-Netsh @('interface', 'ipv4', 'add', 'address', $LoopbackName, $Vip.Address, '255.255.255.255'))
    }
}

function Remove-Vip($Vip) {
    if (-not (@(Get-AddressOnLoopback) -contains (Get-WantedPair $Vip))) { return }
    if ($Modern) {
        Remove-NetIPAddress -InterfaceAlias $LoopbackName -IPAddress $Vip.Address -Confirm:$false
    } else {
        [void] (Invoke-Netsh @('interface', $Vip.Family.ToLower(), 'delete', 'address', $LoopbackName, $Vip.Address))
    }
}

# Families in use, so that an IPv4 farm leaves IPv6 alone.
function Get-Family {
    return @($Vips | ForEach-Object { $_.Family } | Sort-Object -Unique)
}

function Set-WeakHost([string] $Lan, [bool] $On) {
    $state = 'disabled'
    if ($On) { $state = 'enabled' }
    foreach ($family in Get-Family) {
        $stack = $family.ToLower()
        [void] (Invoke-Netsh @('interface', $stack, 'set', 'interface', $Lan, ('weakhostreceive={0}' -f $state)))
        if ((Find-Loopback).Count -gt 0) {
            [void] (Invoke-Netsh @('interface', $stack, 'set', 'interface', $LoopbackName, ('weakhostreceive={0}' -f $state), ('weakhostsend={0}' -f $state)))
        }
    }
}

# These rule names are used by rsprep alone, so that no other rule is ever changed or removed.
function Set-Firewall([bool] $On) {
    foreach ($vip in $Vips) {
        foreach ($service in $vip.Services) {
            $name = $RuleName -f $service, $vip.Address
            $protocol, $port = $service -split '/'
            & netsh.exe advfirewall firewall show rule ('name={0}' -f $name) | Out-Null
            $there = ($LASTEXITCODE -eq 0)
            if ($On -and -not $there) {
                [void] (Invoke-Netsh @('advfirewall', 'firewall', 'add', 'rule', ('name={0}' -f $name), 'dir=in', 'action=allow', ('protocol={0}' -f $protocol), ('localport={0}' -f $port), ('localip={0}' -f $vip.Address)))
            }
            if (-not $On -and $there) {
                [void] (Invoke-Netsh @('advfirewall', 'firewall', 'delete', 'rule', ('name={0}' -f $name)))
            }
        }
    }
}

function Set-NoDnsRegistration {
    $loopback = Find-Loopback
    $configuration = Get-WmiObject -Class Win32_NetworkAdapterConfiguration -Filter ('Index={0}' -f $loopback[0].Index)
    [void] $configuration.SetDynamicDNSRegistration($false, $false)
}

# Reads by Get-NetIPInterface where it exists: netsh prints its settings in the language of the system.
function Get-Difference([string] $Lan) {
    $differences = @()
    if ((Find-Loopback).Count -eq 0) { return @(('no adapter is called "{0}"' -f $LoopbackName)) }
    $present = @(Get-AddressOnLoopback)
    foreach ($vip in $Vips) {
        $wanted = Get-WantedPair $vip
        if (-not ($present -contains $wanted)) { $differences += ('{0}: expected on {1}, found: {2}' -f $wanted, $LoopbackName, ($present -join ', ')) }
        foreach ($service in $vip.Services) {
            & netsh.exe advfirewall firewall show rule ('name={0}' -f ($RuleName -f $service, $vip.Address)) | Out-Null
            if ($LASTEXITCODE -ne 0) { $differences += ('{0} on {1}: no firewall rule of ours lets it in' -f $service, $vip.Address) }
        }
    }
    if (-not $Modern) {
        Write-Warning 'This Windows has no Get-NetIPInterface: weak host settings were not looked at. See "netsh interface ipv4 show interface NAME".'
        return $differences
    }
    foreach ($family in Get-Family) {
        $lanSide = Get-NetIPInterface -InterfaceAlias $Lan -AddressFamily $family
        $loopSide = Get-NetIPInterface -InterfaceAlias $LoopbackName -AddressFamily $family
        if ("$($lanSide.WeakHostReceive)" -ne 'Enabled') { $differences += ('{0} on {1}: WeakHostReceive is not enabled' -f $family, $Lan) }
        if ("$($loopSide.WeakHostReceive)" -ne 'Enabled') { $differences += ('{0} on {1}: WeakHostReceive is not enabled' -f $family, $LoopbackName) }
        if ("$($loopSide.WeakHostSend)" -ne 'Enabled') { $differences += ('{0} on {1}: WeakHostSend is not enabled' -f $family, $LoopbackName) }
    }
    foreach ($vip in $Vips) {
        $elsewhere = @(Get-NetIPAddress -IPAddress $vip.Address -ErrorAction SilentlyContinue | Where-Object { $_.InterfaceAlias -ne $LoopbackName })
        foreach ($other in $elsewhere) { $differences += ('{0} is also on {1}, which answers ARP for it' -f $vip.Address, $other.InterfaceAlias) }
    }
    return $differences
}

$lan = Get-LanName

if ($Verify) {
    $differences = @(Get-Difference $lan)
    foreach ($difference in $differences) { Write-Output $difference }
    if ($differences.Count -gt 0) { exit 2 }
    Write-Output 'as wanted'
    exit 0
}

if (-not (Test-Administrator)) { throw 'This needs an elevated PowerShell. Next: "Run as administrator".' }

if ($Undo) {
    foreach ($vip in $Vips) { Remove-Vip $vip }
    Set-Firewall $false
    Set-WeakHost $lan $false
    Write-Output 'removed'
    exit 0
}

Add-Loopback
Set-NoDnsRegistration
foreach ($vip in $Vips) { Add-Vip $vip }
Set-Firewall $true
# Last: from here on packets for the VIPs are taken in.
Set-WeakHost $lan $true
$differences = @(Get-Difference $lan)
foreach ($difference in $differences) { Write-Warning $difference }
if ($differences.Count -gt 0) { exit 2 }
Write-Output 'prepared'
