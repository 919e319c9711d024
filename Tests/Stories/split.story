# The other one does not yield: two masters, told of once, until it falls silent.
node 10.0.0.5
router VI_1 priority 150 address 10.0.0.100/32
0 start
5 wait
5.1 hear VI_1 priority 100 from 10.0.0.2
6.1 hear VI_1 priority 100 from 10.0.0.2
7.1 hear VI_1 priority 100 from 10.0.0.2
12 wait
