# Members of a sync group are master together or not at all. One is ready first and waits for the other; when one meets
# a better router, both step down.
router VI_1 priority 100 address 10.0.0.100/32
router VI_2 priority 100 address 10.0.0.120/32
group VG VI_1 VI_2
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_2 BACKUP
    VI_2 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_2
    record VI_1 BACKUP
    record VI_2 BACKUP
    sockets 1
    group 0 INIT → BACKUP
    hook backup of group 0
2 hear VI_2 priority 150
4 wait
6 wait
    5.609375  advertise VI_1 100
    5.609375  install 10.0.0.100/32
    5.609375  record VI_1 MASTER
    5.609375  announce 10.0.0.100/32 × 5
    5.609375  VI_1 BACKUP → MASTER because vrrp.backup.group-ready
    5.609375  hook master of VI_1
    5.609375  advertise VI_2 100
    5.609375  install 10.0.0.120/32
    5.609375  record VI_2 MASTER
    5.609375  announce 10.0.0.120/32 × 5
    5.609375  VI_2 BACKUP → MASTER because vrrp.backup.group-ready
    5.609375  hook master of VI_2
    5.609375  group 0 BACKUP → MASTER
    5.609375  hook master of group 0
7 hear VI_1 priority 200
    6.609375  advertise VI_1 100
    6.609375  advertise VI_2 100
    record VI_1 BACKUP
    withdraw 10.0.0.100/32
    VI_1 MASTER → BACKUP because vrrp.master.higher-priority
    hook backup of VI_1
    record VI_2 BACKUP
    withdraw 10.0.0.120/32
    VI_2 MASTER → BACKUP because vrrp.master.group-left
    hook backup of VI_2
    group 0 MASTER → BACKUP
    hook backup of group 0
8 wait
