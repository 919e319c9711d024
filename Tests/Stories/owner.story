# Priority 255 owns the addresses: it does not wait, and it does not yield to less.
router VI_1 priority 255 address 10.0.0.100/32
0 start
    advertise VI_1 255
    install 10.0.0.100/32
    record VI_1 MASTER
    announce 10.0.0.100/32 × 5
    VI_1 INIT → MASTER because vrrp.initialize.owner
    hook master of VI_1
    record VI_1 MASTER
    sockets 1
0.5 hear VI_1 priority 254
    note heardLowerPriority(router 0, 254, from: 10.0.0.2)
    hook masterReceivedLowerPriority of VI_1
    advertise VI_1 255
    announce 10.0.0.100/32 × 5
1 stop
    record VI_1 INIT
    advertise VI_1 0
    withdraw 10.0.0.100/32
    VI_1 MASTER → INIT because vrrp.shutdown
    hook stop of VI_1
    stopped
