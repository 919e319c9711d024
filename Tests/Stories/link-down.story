# The interface goes down: fault, at once. When it is back the router listens first.
router VI_1 priority 100 address 10.0.0.100/32
0 start
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
    record VI_1 BACKUP
    sockets 1
4 wait
    3.609375  advertise VI_1 100
    3.609375  install 10.0.0.100/32
    3.609375  record VI_1 MASTER
    3.609375  announce 10.0.0.100/32 × 5
    3.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.609375  hook master of VI_1
4.5 down eth0
    record VI_1 FAULT
    advertise VI_1 0
    withdraw 10.0.0.100/32
    VI_1 MASTER → FAULT because vrrp.fault.entered ["interface eth0 is down"]
    hook fault of VI_1
6 up eth0
    record VI_1 BACKUP
    VI_1 FAULT → BACKUP because vrrp.fault.cleared
    hook backup of VI_1
10 wait
    9.609375  advertise VI_1 100
    9.609375  install 10.0.0.100/32
    9.609375  record VI_1 MASTER
    9.609375  announce 10.0.0.100/32 × 5
    9.609375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    9.609375  hook master of VI_1
