# A backup takes over when its master falls silent: three intervals and its skew, (256 - 100) / 256 of one, after
# the last advertisement. It advertises first, so that the peers know before the link does; the record is written when
# the address stands, and clients are told twice.
router VI_1 priority 100 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
0.5 hear VI_1 priority 150
1.5 hear VI_1 priority 150
11 wait
    5.109375  advertise VI_1 100
    5.109375  install 10.0.0.100/32
    5.109375  record VI_1 MASTER
    5.109375  announce 10.0.0.100/32 × 5
    5.109375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    5.109375  hook master of VI_1
    6.109375  advertise VI_1 100
    7.109375  advertise VI_1 100
    8.109375  advertise VI_1 100
    9.109375  advertise VI_1 100
    10.109375  advertise VI_1 100
    10.109375  announce 10.0.0.100/32 × 5
