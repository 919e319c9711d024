# preempt_delay counts from the first advertisement of a lower priority. Until it is over the lower master is taken for
# a good one; then its advertisements are discarded, and the timer that still runs ends in the pre-emption.
router VI_1 priority 200 preempt_delay 3 address 10.0.0.100/32
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
5 hear VI_1 priority 100
6 hear VI_1 priority 100
7 wait
    6.218750  advertise VI_1 200
    6.218750  install 10.0.0.100/32
    6.218750  record VI_1 MASTER
    6.218750  announce 10.0.0.100/32 × 5
    6.218750  VI_1 BACKUP → MASTER because vrrp.backup.preempt
    6.218750  hook master of VI_1
