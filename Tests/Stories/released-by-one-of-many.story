# Priority 0: the master gives up. With multicast there may be others, so the backup waits its skew time.
router VI_1 priority 100 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
1 hear VI_1 priority 150
2 hear VI_1 priority 0
3 wait
    2.609375  advertise VI_1 100
    2.609375  install 10.0.0.100/32
    2.609375  record VI_1 MASTER
    2.609375  announce 10.0.0.100/32 × 5
    2.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-released
    2.609375  hook master of VI_1
