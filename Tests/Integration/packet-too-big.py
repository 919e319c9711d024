"""Says, as a router would, that a packet of a connection was too big: SERVICE PORT CLIENT PORT MTU. IPv4."""
import socket, struct, sys


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


service, port, client, client_port, mtu = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0x4000, 63, 6, 0, socket.inet_aton(service), socket.inet_aton(client))
header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
quoted = header + struct.pack("!HHI", port, client_port, 0)
message = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(message, (service, 0))
