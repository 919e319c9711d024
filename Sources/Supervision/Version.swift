/// The version of this suite, as `--version` and the control socket give it.
public let aloftVersion = "0.1.0"
