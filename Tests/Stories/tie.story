# Two masters of one priority meet: the lower address yields. A backup does not disturb its equal.
node 10.0.0.5
router VI_1 priority 100 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
1 hear VI_1 priority 100 from 10.0.0.2
5 wait
    4.609375  advertise VI_1 100
    4.609375  install 10.0.0.100/32
    4.609375  record VI_1 MASTER
    4.609375  announce 10.0.0.100/32 × 5
    4.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    4.609375  hook master of VI_1
# From a lower address: this one stays and says so.
5.2 hear VI_1 priority 100 from 10.0.0.2
    note heardLowerPriority(router 0, 100, from: 10.0.0.2)
    hook masterReceivedLowerPriority of VI_1
    advertise VI_1 100
    announce 10.0.0.100/32 × 5
# From a higher one: this one yields.
5.5 hear VI_1 priority 100 from 10.0.0.9
    record VI_1 BACKUP
    withdraw 10.0.0.100/32
    VI_1 MASTER → BACKUP because vrrp.master.higher-address
    hook backup of VI_1
6 wait
