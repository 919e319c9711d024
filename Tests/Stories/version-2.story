# VRRPv2: the interval must match and is not learnt; the skew is a part of one second, whatever the interval is.
router VI_1 version 2 priority 100 interval 2000 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
1 hear VI_1 priority 150
2 hear VI_1 priority 150 interval 1000
    note rejected(router 0, VRRP.Rejection.interval, from: 10.0.0.2)
8 wait
    7.609375  advertise VI_1 100
    7.609375  install 10.0.0.100/32
    7.609375  record VI_1 MASTER
    7.609375  announce 10.0.0.100/32 × 5
    7.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    7.609375  hook master of VI_1
