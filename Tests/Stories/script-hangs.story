# A hanging script whose timeout is its interval: it is killed a moment after the next run was due. The next run starts at
# once then, or a script that hangs would only be tried every other time.
script chk interval 10 fall 2
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
10.5 wait
    3.709375  advertise VI_1 100
    3.709375  install 10.0.0.100/32
    3.709375  record VI_1 MASTER
    3.709375  announce 10.0.0.100/32 × 5
    3.709375  VI_1 BACKUP → MASTER because vrrp.backup.master-down
    3.709375  hook master of VI_1
    4.709375  advertise VI_1 100
    5.709375  advertise VI_1 100
    6.709375  advertise VI_1 100
    7.709375  advertise VI_1 100
    8.709375  advertise VI_1 100
    8.709375  announce 10.0.0.100/32 × 5
    9.709375  advertise VI_1 100
    10.000000  start script 0
20.001 timeout chk
    10.709375  advertise VI_1 100
    11.709375  advertise VI_1 100
    12.709375  advertise VI_1 100
    13.709375  advertise VI_1 100
    14.709375  advertise VI_1 100
    15.709375  advertise VI_1 100
    16.709375  advertise VI_1 100
    17.709375  advertise VI_1 100
    18.709375  advertise VI_1 100
    19.709375  advertise VI_1 100
    20.000000  note scriptSkipped(script 0)
    start script 0
30.001 timeout chk
    20.709375  advertise VI_1 100
    21.709375  advertise VI_1 100
    22.709375  advertise VI_1 100
    23.709375  advertise VI_1 100
    24.709375  advertise VI_1 100
    25.709375  advertise VI_1 100
    26.709375  advertise VI_1 100
    27.709375  advertise VI_1 100
    28.709375  advertise VI_1 100
    29.709375  advertise VI_1 100
    30.000000  note scriptSkipped(script 0)
    start script 0
    record script 0
    note scriptChanged(script 0, isUp: false)
    record VI_1 FAULT
    advertise VI_1 0
    withdraw 10.0.0.100/32
    VI_1 MASTER → FAULT because vrrp.fault.entered ["script chk fails"]
    hook fault of VI_1
