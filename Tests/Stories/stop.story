# An orderly stop: the record first, then priority 0, then the address, then the hook.
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
4.5 stop
    record VI_1 INIT
    advertise VI_1 0
    withdraw 10.0.0.100/32
    VI_1 MASTER → INIT because vrrp.shutdown
    hook stop of VI_1
    stopped
