# With a lifetime the kernel removes what nobody refreshes. A master refreshes at a third of it.
router VI_1 priority 100 lifetime 9 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
10 wait
    3.609375  advertise VI_1 100
    3.609375  install 10.0.0.100/32
    3.609375  record VI_1 MASTER
    3.609375  announce 10.0.0.100/32 × 5
    3.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.609375  hook master of VI_1
    4.609375  advertise VI_1 100
    5.109375  refresh 10.0.0.100/32
    5.609375  advertise VI_1 100
    6.609375  advertise VI_1 100
    7.609375  advertise VI_1 100
    8.109375  refresh 10.0.0.100/32
    8.609375  advertise VI_1 100
    8.609375  announce 10.0.0.100/32 × 5
    9.609375  advertise VI_1 100
