# An advertisement that crossed a router (TTL below 255) changes nothing, and is noted once for each reign.
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
4.2 hear VI_1 priority 255 ttl 254
    note rejected(router 0, VRRP.Rejection.timeToLive, from: 10.0.0.2)
4.3 hear VI_1 priority 255 ttl 64
5 wait
    4.609375  advertise VI_1 100
