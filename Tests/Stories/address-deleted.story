# Somebody removes the address of a master: it is put back and announced, and the role stays. After ten repairs in ten
# seconds the router gives up for 30 s and says why.
router VI_1 priority 100 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
4 wait
    3.609375  advertise VI_1 100
    3.609375  install 10.0.0.100/32
    3.609375  record VI_1 MASTER
    3.609375  announce 10.0.0.100/32 × 5
    3.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.609375  hook master of VI_1
4.1 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.2 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.3 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.4 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.5 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.6 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.7 vanishes 10.0.0.100/32
    4.609375  advertise VI_1 100
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.8 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
4.9 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
5.0 vanishes 10.0.0.100/32
    note repaired(address 0)
    install 10.0.0.100/32
    announce 10.0.0.100/32 × 1
5.1 vanishes 10.0.0.100/32
    note fought(address 0)
    record VI_1 FAULT
    advertise VI_1 0
    VI_1 MASTER → FAULT because vrrp.fault.entered ["somebody keeps removing 10.0.0.100/32"]
    hook fault of VI_1
39 wait
    35.100000  record VI_1 BACKUP
    35.100000  VI_1 FAULT → BACKUP because vrrp.fault.cleared
    35.100000  hook backup of VI_1
    38.709375  advertise VI_1 100
    38.709375  install 10.0.0.100/32
    38.709375  record VI_1 MASTER
    38.709375  announce 10.0.0.100/32 × 5
    38.709375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    38.709375  hook master of VI_1
