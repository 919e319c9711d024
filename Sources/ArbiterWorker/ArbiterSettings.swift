import Configuration

// What the configuration says of an arbiter; the clients have settings of the same names.
typealias EtcdArbiter = EtcdSettings
typealias CorosyncArbiter = CorosyncSettings
