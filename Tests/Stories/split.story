# The other one does not yield: two masters, told of once, until it falls silent.
node 10.0.0.5
router VI_1 priority 150 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
5 wait
    3.414062  advertise VI_1 150
    3.414062  install 10.0.0.100/32
    3.414062  record VI_1 MASTER
    3.414062  announce 10.0.0.100/32 × 5
    3.414062  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.414062  hook master of VI_1
    4.414062  advertise VI_1 150
5.1 hear VI_1 priority 100 from 10.0.0.2
    note heardLowerPriority(router 0, 100, from: 10.0.0.2)
    hook masterReceivedLowerPriority of VI_1
    advertise VI_1 150
    announce 10.0.0.100/32 × 5
6.1 hear VI_1 priority 100 from 10.0.0.2
    note heardLowerPriority(router 0, 100, from: 10.0.0.2)
    hook masterReceivedLowerPriority of VI_1
    advertise VI_1 150
    announce 10.0.0.100/32 × 5
    note split(router 0, advert of 10.0.0.2, 5.100000 to 6.100000)
    hook split of VI_1
7.1 hear VI_1 priority 100 from 10.0.0.2
    hook masterReceivedLowerPriority of VI_1
    advertise VI_1 150
    announce 10.0.0.100/32 × 5
12 wait
    8.100000  advertise VI_1 150
    9.100000  advertise VI_1 150
    10.100000  advertise VI_1 150
    11.100000  advertise VI_1 150
    11.100000  note splitOver(router 0, advert of 10.0.0.2, 5.100000 to 7.100000)
    11.100000  announce 10.0.0.100/32 × 5
