# VRRPv3: a backup judges its master by the master's interval, not by its own, and records it for its successor. Here
# the master advertises every 5 s; a backup that kept its own 250 ms would take over after one second.
router VI_1 priority 100 interval 250 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
0.5 hear VI_1 priority 150 interval 5000
    record VI_1 BACKUP
5.5 hear VI_1 priority 150 interval 5000
24 wait
    23.546875  advertise VI_1 100
    23.546875  install 10.0.0.100/32
    23.546875  record VI_1 MASTER
    23.546875  announce 10.0.0.100/32 × 5
    23.546875  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    23.546875  hook master of VI_1
    23.796875  advertise VI_1 100
