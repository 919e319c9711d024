# A script without a weight decides whether the router may serve. Until its first result the router does not begin; two
# failures in a row (fall 2) end its mastership at once, two successes (rise 2) give it back.
script chk interval 2 rise 2 fall 2
router VI_1 priority 100 script chk address 10.0.0.100/32
0 start
    record VI_1 INIT
    sockets 1
    start script 0
0.1 answer chk 0
    record script 0
    note scriptChanged(script 0, isUp: true)
    record VI_1 BACKUP
    VI_1 INIT → BACKUP because vrrp.initialize.startup
    hook backup of VI_1
4 wait
    2.000000  start script 0
    3.709375  advertise VI_1 100
    3.709375  install 10.0.0.100/32
    3.709375  record VI_1 MASTER
    3.709375  announce 10.0.0.100/32 × 5
    3.709375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.709375  hook master of VI_1
    4.000000  note scriptSkipped(script 0)
4.1 answer chk 1
6.1 answer chk 1
    4.709375  advertise VI_1 100
    5.709375  advertise VI_1 100
    6.000000  start script 0
    record script 0
    note scriptChanged(script 0, isUp: false)
    record VI_1 FAULT
    advertise VI_1 0
    withdraw 10.0.0.100/32
    VI_1 MASTER → FAULT because vrrp.fault.entered ["script chk fails"]
    hook fault of VI_1
8.1 answer chk 0
    8.000000  start script 0
10.1 answer chk 0
    10.000000  start script 0
    record script 0
    note scriptChanged(script 0, isUp: true)
    record VI_1 BACKUP
    VI_1 FAULT → BACKUP because vrrp.fault.cleared
    hook backup of VI_1
14 wait
    12.000000  start script 0
    13.709375  advertise VI_1 100
    13.709375  install 10.0.0.100/32
    13.709375  record VI_1 MASTER
    13.709375  announce 10.0.0.100/32 × 5
    13.709375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    13.709375  hook master of VI_1
    14.000000  note scriptSkipped(script 0)
