# A worker died. Its successor finds the address in place and MASTER in the record, and three intervals are not over: it
# goes on, with no hook and no announcement, and with the next advertisement when it is due.
router VI_1 priority 100 address 10.0.0.100/32
100 recorded VI_1 MASTER 99.5
100.02 appears 10.0.0.100/32
100.02 start
    record VI_1 MASTER
    VI_1 INIT → MASTER because vrrp.initialize.adopted
    hook master of VI_1, if it was not run
    record VI_1 MASTER
    sockets 1
102 wait
    100.500000  advertise VI_1 100
    101.500000  advertise VI_1 100
