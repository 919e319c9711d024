import Configuration

/// What the configuration says of an etcd; the client has settings of the same name.
typealias EtcdArbiter = EtcdSettings
