"""Names of link types, the number that says what a packet starts with.

A name is the one tcpdump and Wireshark show (``EN10MB``), a description is for people ("Ethernet"). Numbers are
LINKTYPE_ values as they stand in files; where an old program wrote its system's own number (DLT_), it is here too.
Rows of a capture that are no packet at all (pcapng custom blocks, which Wireshark numbers like packets) get pseudo
link types from the top of the 16-bit range, which no registry entry uses.

Source: tcpdump.org/linktypes.html, draft-ietf-opsawg-pcaplinktype.
"""

from __future__ import annotations

NULL = 0
ETHERNET = 1
PPP = 9
RAW_BSD = 12
RAW_OPENBSD = 14
RAW = 101
LOOP = 108
LINUX_SLL = 113
IPV4 = 228
IPV6 = 229
LINUX_SLL2 = 276

CUSTOM_BLOCK = 0xFFFF
"""Pseudo link type of a pcapng custom block."""
JOURNAL_ENTRY = 0xFFFE
"""Pseudo link type of a pcapng systemd journal export block."""
SYSTEM_EVENT = 0xFFFD
"""Pseudo link type of a pcapng Sysdig event block."""

DBUS = 231
USB_LINUX = 189
USB_LINUX_MMAPPED = 220
USBPCAP = 249
EBHSCR = 279

LONG_PACKETS = frozenset({DBUS, USBPCAP, EBHSCR})
"""Link types whose records may be longer than 256 KiB (libpcap and Wireshark allow them more)."""

_NAMES: dict[int, tuple[str, str]] = {
    0: ("NULL", "NULL/Loopback"),
    1: ("EN10MB", "Ethernet"),
    2: ("EN3MB", "Experimental 3Mb Ethernet"),
    3: ("AX25", "Amateur radio AX.25"),
    4: ("PRONET", "ProNET token ring"),
    5: ("CHAOS", "Chaosnet"),
    6: ("IEEE802", "Token Ring"),
    7: ("ARCNET", "ARCNET (BSD)"),
    8: ("SLIP", "SLIP"),
    9: ("PPP", "PPP"),
    10: ("FDDI", "FDDI"),
    11: ("ATM_RFC1483", "RFC 1483 ATM"),
    12: ("RAW", "Raw IP"),
    13: ("ATM_RFC1483", "RFC 1483 ATM"),
    14: ("RAW", "Raw IP"),
    50: ("PPP_SERIAL", "PPP in HDLC-like framing"),
    51: ("PPP_ETHER", "PPPoE"),
    99: ("SYMANTEC_FIREWALL", "Symantec firewall"),
    100: ("ATM_RFC1483", "RFC 1483 ATM"),
    101: ("RAW", "Raw IP"),
    104: ("C_HDLC", "Cisco HDLC"),
    105: ("IEEE802_11", "IEEE 802.11 Wireless LAN"),
    106: ("ATM_CLIP", "Linux Classical IP over ATM"),
    107: ("FRELAY", "Frame Relay"),
    108: ("LOOP", "OpenBSD loopback"),
    109: ("ENC", "OpenBSD encapsulated IP"),
    112: ("C_HDLC", "Cisco HDLC"),
    113: ("LINUX_SLL", "Linux cooked v1"),
    114: ("LTALK", "Apple LocalTalk"),
    115: ("ECONET", "Acorn Econet"),
    116: ("IPFILTER", "OpenBSD ipfilter"),
    117: ("PFLOG", "OpenBSD pflog"),
    118: ("CISCO_IOS", "Cisco IOS internal"),
    119: ("PRISM_HEADER", "802.11 with Prism header"),
    120: ("AIRONET_HEADER", "802.11 with Aironet header"),
    121: ("PFSYNC", "OpenBSD pfsync"),
    122: ("IP_OVER_FC", "IP over Fibre Channel"),
    123: ("SUNATM", "Sun raw ATM"),
    127: ("IEEE802_11_RADIO", "802.11 with radiotap header"),
    129: ("ARCNET_LINUX", "ARCNET (Linux)"),
    130: ("JUNIPER_MLPPP", "Juniper MLPPP"),
    131: ("JUNIPER_MLFR", "Juniper MLFR"),
    132: ("JUNIPER_ES", "Juniper Encryption Services"),
    133: ("JUNIPER_GGSN", "Juniper GGSN"),
    134: ("JUNIPER_MFR", "Juniper MFR"),
    135: ("JUNIPER_ATM2", "Juniper ATM2"),
    136: ("JUNIPER_SERVICES", "Juniper Services"),
    137: ("JUNIPER_ATM1", "Juniper ATM1"),
    138: ("APPLE_IP_OVER_IEEE1394", "Apple IP over IEEE 1394"),
    139: ("MTP2_WITH_PHDR", "SS7 MTP2 with pseudo-header"),
    140: ("MTP2", "SS7 MTP2"),
    141: ("MTP3", "SS7 MTP3"),
    142: ("SCCP", "SS7 SCCP"),
    143: ("DOCSIS", "DOCSIS"),
    144: ("LINUX_IRDA", "Linux IrDA"),
    **{number: (f"USER{number - 147}", f"USER {number - 147}") for number in range(147, 163)},
    163: ("IEEE802_11_RADIO_AVS", "802.11 with AVS header"),
    165: ("BACNET_MS_TP", "BACnet MS/TP"),
    166: ("PPP_PPPD", "PPP with direction (pppd)"),
    167: ("JUNIPER_PPPOE", "Juniper PPPoE"),
    169: ("GPRS_LLC", "GPRS LLC"),
    170: ("GPF_T", "ITU-T G.7041 GFP-T"),
    171: ("GPF_F", "ITU-T G.7041 GFP-F"),
    177: ("LINUX_LAPD", "Linux vISDN LAPD"),
    178: ("JUNIPER_ETHER", "Juniper Ethernet"),
    179: ("JUNIPER_PPP", "Juniper PPP"),
    180: ("JUNIPER_FRELAY", "Juniper Frame Relay"),
    181: ("JUNIPER_CHDLC", "Juniper C-HDLC"),
    182: ("MFR", "Multilink Frame Relay"),
    187: ("BLUETOOTH_HCI_H4", "Bluetooth HCI UART (H4)"),
    188: ("IEEE802_16_MAC_CPS", "IEEE 802.16 MAC"),
    189: ("USB_LINUX", "USB with Linux header"),
    190: ("CAN20B", "CAN 2.0B"),
    191: ("IEEE802_15_4_LINUX", "IEEE 802.15.4 (Linux)"),
    192: ("PPI", "Per-Packet Information"),
    195: ("IEEE802_15_4_WITHFCS", "IEEE 802.15.4 with FCS"),
    196: ("SITA", "SITA WAN"),
    197: ("ERF", "Endace ERF"),
    201: ("BLUETOOTH_HCI_H4_WITH_PHDR", "Bluetooth HCI H4 with pseudo-header"),
    202: ("AX25_KISS", "AX.25 with KISS header"),
    203: ("LAPD", "LAPD"),
    204: ("PPP_WITH_DIR", "PPP with direction"),
    205: ("C_HDLC_WITH_DIR", "Cisco HDLC with direction"),
    206: ("FRELAY_WITH_DIR", "Frame Relay with direction"),
    209: ("IPMB_LINUX", "IPMB (Linux)"),
    210: ("FLEXRAY", "FlexRay"),
    212: ("LIN", "LIN"),
    215: ("IEEE802_15_4_NONASK_PHY", "IEEE 802.15.4 non-ASK PHY"),
    216: ("LINUX_EVDEV", "Linux evdev"),
    220: ("USB_LINUX_MMAPPED", "USB with padded Linux header"),
    224: ("FC_2", "Fibre Channel FC-2"),
    225: ("FC_2_WITH_FRAME_DELIMS", "Fibre Channel FC-2 with frame delimiters"),
    226: ("IPNET", "Solaris IPNET"),
    227: ("CAN_SOCKETCAN", "SocketCAN"),
    228: ("IPV4", "Raw IPv4"),
    229: ("IPV6", "Raw IPv6"),
    230: ("IEEE802_15_4_NOFCS", "IEEE 802.15.4 without FCS"),
    231: ("DBUS", "D-Bus"),
    235: ("DVB_CI", "DVB-CI"),
    236: ("MUX27010", "3GPP TS 27.010 multiplexing"),
    237: ("STANAG_5066_D_PDU", "STANAG 5066 D_PDU"),
    239: ("NFLOG", "Linux netfilter log"),
    240: ("NETANALYZER", "Hilscher netANALYZER"),
    241: ("NETANALYZER_TRANSPARENT", "Hilscher netANALYZER transparent"),
    242: ("IPOIB", "IP over InfiniBand"),
    243: ("MPEG_2_TS", "MPEG-2 transport stream"),
    244: ("NG40", "ng40"),
    245: ("NFC_LLCP", "NFC LLCP"),
    247: ("INFINIBAND", "InfiniBand"),
    248: ("SCTP", "SCTP without lower layers"),
    249: ("USBPCAP", "USB with USBPcap header"),
    250: ("RTAC_SERIAL", "RTAC serial"),
    251: ("BLUETOOTH_LE_LL", "Bluetooth Low Energy"),
    252: ("WIRESHARK_UPPER_PDU", "Wireshark upper PDU"),
    253: ("NETLINK", "Linux netlink"),
    254: ("BLUETOOTH_LINUX_MONITOR", "Bluetooth Linux monitor"),
    255: ("BLUETOOTH_BREDR_BB", "Bluetooth BR/EDR baseband"),
    256: ("BLUETOOTH_LE_LL_WITH_PHDR", "Bluetooth Low Energy with pseudo-header"),
    257: ("PROFIBUS_DL", "PROFIBUS data link"),
    258: ("PKTAP", "Apple PKTAP"),
    259: ("EPON", "Ethernet PON"),
    260: ("IPMI_HPM_2", "IPMI HPM.2"),
    261: ("ZWAVE_R1_R2", "Z-Wave R1/R2"),
    262: ("ZWAVE_R3", "Z-Wave R3"),
    263: ("WATTSTOPPER_DLM", "WattStopper DLM"),
    264: ("ISO_14443", "ISO 14443 contactless card"),
    265: ("RDS", "Radio data system"),
    266: ("USB_DARWIN", "USB with Darwin header"),
    268: ("SDLC", "SDLC"),
    270: ("LORATAP", "LoRaTap"),
    271: ("VSOCK", "Linux vsock"),
    272: ("NORDIC_BLE", "Nordic Bluetooth sniffer"),
    273: ("DOCSIS31_XRA31", "DOCSIS with Excentis header"),
    274: ("ETHERNET_MPACKET", "Ethernet mPackets"),
    275: ("DISPLAYPORT_AUX", "DisplayPort AUX"),
    276: ("LINUX_SLL2", "Linux cooked v2"),
    277: ("SERCOS_MONITOR", "Sercos monitor"),
    278: ("OPENVIZSLA", "OpenVizsla USB"),
    279: ("EBHSCR", "Elektrobit high-speed capture and replay"),
    280: ("VPP_DISPATCH", "VPP graph dispatch trace"),
    281: ("DSA_TAG_BRCM", "Ethernet with Broadcom switch tag"),
    282: ("DSA_TAG_BRCM_PREPEND", "Ethernet with Broadcom switch tag in front"),
    283: ("IEEE802_15_4_TAP", "IEEE 802.15.4 with TAP header"),
    284: ("DSA_TAG_DSA", "Ethernet with Marvell DSA switch tag"),
    285: ("DSA_TAG_EDSA", "Ethernet with Marvell EDSA switch tag"),
    286: ("ELEE", "ELEE lawful intercept"),
    287: ("Z_WAVE_SERIAL", "Z-Wave serial"),
    288: ("USB_2_0", "USB 2.0/1.1/1.0"),
    289: ("ATSC_ALP", "ATSC link-layer protocol"),
    290: ("ETW", "Windows event trace"),
    291: ("NETANALYZER_NG", "Hilscher netANALYZER NG"),
    292: ("ZBOSS_NCP", "ZBOSS NCP"),
    293: ("USB_2_0_LOW_SPEED", "USB low speed"),
    294: ("USB_2_0_FULL_SPEED", "USB full speed"),
    295: ("USB_2_0_HIGH_SPEED", "USB high speed"),
    296: ("AUERSWALD_LOG", "Auerswald log"),
    297: ("ZWAVE_TAP", "Z-Wave with TAP header"),
    298: ("SILABS_DEBUG_CHANNEL", "Silicon Labs debug channel"),
    299: ("FIRA_UCI", "FiRa UCI"),
    SYSTEM_EVENT: ("SYSDIG_EVENT", "system event, no packet"),
    JOURNAL_ENTRY: ("JOURNAL_ENTRY", "journal entry, no packet"),
    CUSTOM_BLOCK: ("CUSTOM_BLOCK", "custom block, no packet"),
}


def name(link_type: int) -> str:
    """Return the registry's name, e.g. ``EN10MB``; ``LINKTYPE_n`` for a number not known here."""
    known = _NAMES.get(link_type)
    return known[0] if known else f"LINKTYPE_{link_type}"


def description(link_type: int) -> str:
    """Return the name for people, e.g. ``Ethernet``; ``link type n`` for a number not known here."""
    known = _NAMES.get(link_type)
    return known[1] if known else f"link type {link_type}"


def longest_packet(link_type: int, limit: int) -> int:
    """Return how long a record of this link type may claim to be before its length counts as a lie.

    Args:
        link_type: LINKTYPE_ number.
        limit: ``Limits.packet_bytes``.

    Source: MAXIMUM_SNAPLEN of libpcap (256 KiB; 128 MiB for D-Bus and USB), which Wireshark shares.
    """
    return limit if link_type in LONG_PACKETS else min(limit, 256 << 10)
