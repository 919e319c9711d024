# A lower master is discarded: the timer runs on, and its end is the pre-emption. The old master yields and is not
# heard again.
router VI_1 priority 200 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
0.5 hear VI_1 priority 100
1.5 hear VI_1 priority 100
2.5 hear VI_1 priority 100
4 wait
    3.218750  advertise VI_1 200
    3.218750  install 10.0.0.100/32
    3.218750  record VI_1 MASTER
    3.218750  announce 10.0.0.100/32 × 5
    3.218750  VI_1 BACKUP → MASTER because vrrp.backup.preempt
    3.218750  hook master of VI_1
