# A script with a negative weight only lowers the priority; the master goes on, and a better one pre-empts it.
script chk interval 5 weight -60
router VI_1 priority 150 script chk address 10.0.0.100/32
0 start
    note priorityChanged(router 0, from: 150, to: 90)
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
    start script 0
0.1 answer chk 0
    record script 0
    note scriptChanged(script 0, isUp: true)
    note priorityChanged(router 0, from: 90, to: 150)
4 wait
    3.414062  advertise VI_1 150
    3.414062  install 10.0.0.100/32
    3.414062  record VI_1 MASTER
    3.414062  announce 10.0.0.100/32 × 5
    3.414062  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.414062  hook master of VI_1
5.1 answer chk 1
    4.414062  advertise VI_1 150
    5.000000  start script 0
    record script 0
    note scriptChanged(script 0, isUp: false)
    note priorityChanged(router 0, from: 150, to: 90)
6 hear VI_1 priority 120
    5.414062  advertise VI_1 90
    record VI_1 BACKUP
    withdraw 10.0.0.100/32
    VI_1 MASTER → BACKUP because vrrp.master.higher-priority
    hook backup of VI_1
