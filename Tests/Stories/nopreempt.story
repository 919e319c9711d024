# With nopreempt a living master stays, whatever its priority; its silence counts all the same.
router VI_1 priority 200 preempt no address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
1 hear VI_1 priority 100
2 hear VI_1 priority 100
3 hear VI_1 priority 100
4 hear VI_1 priority 100
8 wait
    7.218750  advertise VI_1 200
    7.218750  install 10.0.0.100/32
    7.218750  record VI_1 MASTER
    7.218750  announce 10.0.0.100/32 × 5
    7.218750  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    7.218750  hook master of VI_1
