import { S3Client, CreateBucketCommand, PutObjectCommand, ListObjectsV2Command, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
const c = new S3Client({ endpoint: process.env.S3_ENDPOINT, region: "us-east-1", forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" });
const [cmd, ...a] = process.argv.slice(2);
if (cmd === "mb") await c.send(new CreateBucketCommand({ Bucket: a[0] }));
if (cmd === "ls") { const r = await c.send(new ListObjectsV2Command({ Bucket: a[0] })); for (const o of r.Contents ?? []) console.log(o.Size, JSON.stringify(o.Key)); const u = await c.send(new ListMultipartUploadsCommand({ Bucket: a[0] })); for (const o of u.Uploads ?? []) console.log("UPLOAD", o.Key, o.UploadId); }
if (cmd === "put") await c.send(new PutObjectCommand({ Bucket: a[0], Key: a[1], Body: a[2] ?? "" }));
