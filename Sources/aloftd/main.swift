print("aloftd")
