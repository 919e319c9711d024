# Where unicast_peer names exactly one router, nobody else could take over: its release is answered at once.
router VI_1 priority 100 address 10.0.0.100/32 peer 10.0.0.2
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
1 hear VI_1 priority 150
2 hear VI_1 priority 0
    advertise VI_1 100
    install 10.0.0.100/32
    record VI_1 MASTER
    announce 10.0.0.100/32 × 5
    VI_1 BACKUP → MASTER because vrrp.backup.sole-rival-released
    hook master of VI_1
2.5 wait
